// Static first: every chart is a picture already. Each is replaced by its interactive twin, and stays on any error.
const refuse = async (address) => { throw new Error(`this page loads nothing, so not ${address}`); };
const sanitize = async (address) => (address.startsWith("data:image/") ? { href: address } : refuse(address));
const loader = { load: refuse, http: refuse, file: refuse, sanitize };
for (const figure of document.querySelectorAll("figure.chart")) {
  const still = figure.querySelector(".still");
  const stage = document.createElement("div");
  stage.className = "stage waiting";
  still.after(stage);
  try {
    const spec = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const actions = { export: true, source: false, compiled: false, editor: false };
    await window.vegaEmbed(stage, spec, { mode: "vega-lite", renderer: "svg", loader, actions, tooltip: true });
    const drawing = stage.querySelector("svg.marks");
    drawing.setAttribute("role", "img");
    drawing.removeAttribute("aria-hidden");
    drawing.setAttribute("aria-label", still.querySelector("svg").getAttribute("aria-label"));
    stage.querySelector("details > summary")?.setAttribute("aria-label", "Save this chart");
    stage.classList.remove("waiting");
    still.hidden = true;
    figure.classList.add("live");
  } catch (error) {
    stage.remove();
    figure.dataset.still = String(error);
  }
}
document.documentElement.dataset.charts = "ready";
