"""The exercise checks, one module per lesson; importing a module registers its exercises."""
