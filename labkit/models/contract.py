"""What every model must keep, ours and a reader's own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from labkit.models.losses import CrossEntropy
from labkit.models.model import Model
from labkit.models.ngram import NGram
from labkit.models.ports import Ports
from labkit.seeds import derive

_PORTS = {
    "classification": Ports("classification", inputs=16, outputs=5, image_shape=(4, 4)),
    "text": Ports("text", inputs=6, outputs=40),
    "regression": Ports("regression", inputs=16, outputs=1, image_shape=(4, 4)),
}
_EXAMPLES = 32
_STEPS = 500
_SURELY = 0.05  # of the first loss: learnt by heart, with nothing left to wait for
_SEEDS = (0, 1, 2)


def check(entry: type[Model] | Model) -> None:
    """Check a model class, with its default dials, or one specification.

    Its parameter count matches the tensors, its FLOPs match ``torch.utils.flop_counter``, its loss starts within 0.5
    of that of chance, it can learn 32 examples by heart, a stack equals a loop over its models, a written-out gradient
    equals that of autograd, places of a batch without an example count for nothing, and a seed gives the same start
    whatever its neighbours.

    Raises ``AssertionError`` with a plain sentence. It does not judge how well the model does on real data.

    >>> from labkit import models
    >>> check(models.MLP)
    """
    model = entry() if isinstance(entry, type) else entry
    hash(model)
    assert model.kinds, f"{model.name}: kinds is empty; name the kinds of data it takes"
    for kind in model.kinds:
        assert kind in _PORTS, f"{model.name}: unknown kind of data {kind!r}; expected one of {', '.join(_PORTS)}"
        ends = _PORTS[kind]
        inputs, targets = _examples(ends)
        _counts(model, ends)
        _starts(model, ends)
        _stacks(model, ends, inputs)
        _flops(model, ends, inputs, targets)
        if isinstance(model, NGram):
            _remembers(model, ends, inputs, targets)
        elif model.closed_form:
            _solves(model, ends, inputs, targets)
        else:
            _differentiates(model, ends, inputs, targets)
            _passes_over(model, ends, inputs, targets)
            _begins_near_chance(model, ends, inputs, targets)
            _overfits(model, ends, inputs, targets)


def _examples(ends: Ports) -> tuple[Tensor, Tensor]:
    """Inputs (32, d) and targets (32,)."""
    random = torch.Generator().manual_seed(derive(0, "contract", ends.kind) >> 1)
    if ends.kind == "text":
        inputs = torch.randint(ends.outputs, (_EXAMPLES, ends.inputs), generator=random)
        # Each window begins with an id of its own, so that all that follows can be known from the first place on.
        inputs[:, 0] = torch.arange(_EXAMPLES)
    else:
        inputs = torch.randn(_EXAMPLES, ends.inputs, generator=random)
    if ends.kind == "regression":
        return inputs, inputs[:, 0].clone()
    # As many classes as a linear model can tell apart on these inputs, so that it too can learn them by heart.
    targets = inputs[:, 0] if ends.kind == "text" else inputs[:, : ends.outputs].argmax(1)
    return inputs, targets


def _counts(model: Model, ends: Ports) -> None:
    start, shapes = model.initialise(ends, _SEEDS), model.shapes(ends)
    for name, shape in shapes.items():
        assert name in start, f"{model.name}: draw gives no {name!r}, which shapes lists"
        found = tuple(start[name].shape)
        wanted = (len(_SEEDS), *shape)
        assert found == wanted, f"{model.name}: {name!r} has shape {found}; shapes says {wanted}"
        assert start[name].dtype == torch.float32, f"{model.name}: {name!r} is {start[name].dtype}; expected float32"
    tensors = sum(start[name][0].numel() for name in shapes)
    count = model.parameter_count(ends)
    assert count == tensors, f"{model.name}: parameter_count says {count:,}, its tensors hold {tensors:,}"


def _starts(model: Model, ends: Ports) -> None:
    together, alone = model.initialise(ends, _SEEDS), model.initialise(ends, _SEEDS[1:2])
    for name, tensor in alone.items():
        same = torch.equal(together[name][1:2], tensor)
        assert same, f"{model.name}: {name!r} starts differently for one seed alone and beside others"


def _stacks(model: Model, ends: Ports, inputs: Tensor) -> None:
    start = model.initialise(ends, _SEEDS)
    together = model.forward(start, inputs.expand(len(_SEEDS), *inputs.shape))
    wanted = (len(_SEEDS), _EXAMPLES, model.answers(ends))
    assert tuple(together.shape) == wanted, f"{model.name}: outputs have shape {tuple(together.shape)}, not {wanted}"
    for run in range(len(_SEEDS)):
        alone = model.forward({name: tensor[run : run + 1] for name, tensor in start.items()}, inputs[None])
        gap = float((together[run] - alone[0]).abs().max())
        assert gap < 1e-5, f"{model.name}: a model in a stack and alone differ by {gap:.2g}; expected under 1e-5"


def _flops(model: Model, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    start = model.initialise(ends, _SEEDS[:1])
    with FlopCounterMode(display=False) as counter:
        model.forward(start, inputs[None])
    _same_flops(model, "forward", model.flops_per_example(ends, training=False), counter)
    if model.closed_form:
        return
    leaves = {name: tensor.requires_grad_() for name, tensor in start.items()}
    # The rule of three passes counts the gradient of the inputs too, as the models above this one would ask for.
    inputs = inputs.clone().requires_grad_() if inputs.is_floating_point() else inputs
    with FlopCounterMode(display=False) as counter:
        model.outcomes(leaves, inputs[None], targets[None])[0].sum().backward()
    _same_flops(model, "training", model.flops_per_example(ends, training=True), counter)


def _same_flops(model: Model, which: str, said: int, counter: FlopCounterMode) -> None:
    counted = counter.get_total_flops() / _EXAMPLES
    assert said == counted, f"{model.name}: says {said:,} {which} FLOPs per example; torch counts {counted:,.0f}"


def _gradient(
    model: Model, ends: Ports, parameters: dict[str, Tensor], inputs: Tensor, targets: Tensor, kind: type[Model]
) -> tuple[dict[str, Tensor], Tensor]:
    """Gradient of every model's mean loss, as the class ``kind`` takes it, and the losses (runs, batch)."""
    runs = len(next(iter(parameters.values())))
    beside = {"inside": torch.ones(runs, _EXAMPLES, dtype=torch.bool)} if model.batchwise else {}
    into = {name: torch.full_like(tensor, float("nan")) for name, tensor in parameters.items()}
    trace = torch.empty(runs, 1, _EXAMPLES)
    kind.gradient(
        model,
        {**parameters, **beside},
        inputs.expand(runs, *inputs.shape),
        targets.expand(runs, -1),
        torch.full((runs, 1, 1), 1 / _EXAMPLES),
        loss=model.loss(ends),
        into=into,
        beta=0.0,
        trace=trace,
    )
    return into, trace.squeeze(1)


def _differentiates(model: Model, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    start = model.initialise(ends, _SEEDS)
    # Away from the start, where some models are all zero.
    moved = {name: value + 0.1 * torch.arange(value.numel()).sin().view_as(value) for name, value in start.items()}
    written, losses = _gradient(model, ends, moved, inputs, targets, type(model))
    taken, wanted = _gradient(model, ends, moved, inputs, targets, Model)
    for name in taken:
        gap = float((written[name] - taken[name]).abs().max())
        assert gap < 1e-5, (
            f"{model.name}: the gradient of {name!r} is off by {gap:.2g} from autograd; expected under 1e-5"
        )
    gap = float((losses - wanted).abs().max())
    assert gap < 1e-4, f"{model.name}: the losses that gradient reports are off by {gap:.2g}; expected under 1e-4"


def _passes_over(model: Model, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    """A batch in which only the first places hold examples gives the gradient of those alone."""
    start, few = model.initialise(ends, _SEEDS[:1]), _EXAMPLES // 2
    inside = torch.arange(_EXAMPLES)[None] < few
    beside = {"inside": inside} if model.batchwise else {}
    found, wanted = ({name: torch.zeros_like(value) for name, value in start.items()} for _ in range(2))
    for parameters, count, into in (({**start, **beside}, _EXAMPLES, found), (start, few, wanted)):
        model.gradient(
            parameters,
            inputs[None, :count],
            targets[None, :count],
            inside[None, :, :count] / few,
            loss=model.loss(ends),
            into=into,
            beta=0.0,
            trace=torch.empty(1, 1, count),
        )
    gap = max(float((found[name] - wanted[name]).abs().max()) for name in start)
    assert gap < 1e-5, f"{model.name}: places without an example change its gradient by {gap:.2g}; expected under 1e-5"


def _begins_near_chance(model: Model, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    if not isinstance(model.loss(ends), CrossEntropy):
        return
    start, runs = model.initialise(ends, _SEEDS), len(_SEEDS)
    outcomes = model.outcomes(start, inputs.expand(runs, *inputs.shape), targets.expand(runs, -1))
    values = model.loss(ends).values(*outcomes)
    found, chance = float(values.mean()), model.chance_loss(ends)
    assert abs(found - chance) < 0.5, f"{model.name}: loss starts at {found:.2f}; expected within 0.5 of {chance:.2f}"


def _overfits(model: Model, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    parameters = {name: value.requires_grad_() for name, value in model.initialise(ends, _SEEDS[:1]).items()}
    optimizer = torch.optim.Adam(parameters.values(), lr=0.03)
    first = losses = None
    for _ in range(_STEPS):
        for value in parameters.values():
            value.grad = None
        plain = {name: value.detach() for name, value in parameters.items()}
        gradient, losses = _gradient(model, ends, plain, inputs, targets, type(model))
        first = float(losses.mean()) if first is None else first
        if float(losses.mean()) < _SURELY * first:
            return
        for name, value in parameters.items():
            value.grad = gradient[name]
        optimizer.step()
    last = float(losses.mean())
    assert last < 0.1 * first, (
        f"{model.name}: after {_STEPS} steps of Adam on {_EXAMPLES} examples the loss is {last:.3g}, "
        f"from {first:.3g}; expected under a tenth"
    )


def _remembers(model: NGram, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    counts = model.initialise(ends, _SEEDS[:1])
    before = model.forward(counts, inputs[None])
    model.count(counts, inputs[None], targets[None])
    after = model.forward(counts, inputs[None])
    gap = float((after.exp().sum(2) - 1).abs().max())
    assert gap < 1e-5, f"{model.name}: its chances add up to 1 but for {gap:.2g}; expected under 1e-5"
    first, last = (float(model.loss(ends).values(each, targets[None]).mean()) for each in (before, after))
    assert last < first, (
        f"{model.name}: having seen {_EXAMPLES} examples its loss on them is {last:.3g}, from {first:.3g}"
    )


def _solves(model: Model, ends: Ports, inputs: Tensor, targets: Tensor) -> None:
    start = model.initialise(ends, _SEEDS[:1])
    hidden = model.hidden(start, inputs[None]).double()
    wanted = targets[None, None] if ends.kind == "regression" else F.one_hot(targets, ends.outputs).T[None]
    weight = model.solve(
        hidden @ hidden.transpose(1, 2),
        wanted.double() @ hidden.transpose(1, 2),
        examples=torch.tensor([float(_EXAMPLES)]).double(),
        ridge=torch.tensor([1e-9]).double(),
    )
    outputs = model.forward({**start, "weight": weight.float()}, inputs[None])
    found = float(model.loss(ends).values(outputs, targets[None]).mean())
    assert found < 0.01, f"{model.name}: solved on {_EXAMPLES} examples its loss is {found:.3g}; expected under 0.01"
