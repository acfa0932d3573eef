"""Low-rank adapters, put into a backbone by the package peft and merged into it."""

from torch import nn

from .._utils.optional import import_optional


def add_adapters(backbone, rank):
    """Give every dense layer of `backbone` a low-rank adapter, in place.

    It begins as zero: nothing that the backbone computes changes. Its scale is 2, a
    usual choice, whatever the rank.

    Raises
    ------
    MissingExtraError
        If peft is not installed.
    ValueError
        If the backbone has no dense layer.
    """
    peft = import_optional("peft", "lora", "strategy='lora'")
    # Of this very class: what a subclass does beside its product, an adapter would not.
    dense = [name for name, m in backbone.named_modules() if type(m) is nn.Linear]
    if not dense:
        raise ValueError(
            "strategy='lora' adapts dense layers (torch.nn.Linear), but the backbone "
            f"{backbone.name!r} has none. Use strategy='bitfit' or 'partial'."
        )
    config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=dense)
    peft.inject_adapter_in_model(config, backbone)


def is_adapter(name):
    """Whether a parameter of that name is one of an adapter."""
    return ".lora_A." in name or ".lora_B." in name


def merge_adapters(backbone):
    """Add the adapters to the weights that they adapt, and remove them, in place."""
    layer = import_optional("peft.tuners.lora", "lora", "strategy='lora'").LoraLayer
    for parent in [*backbone.modules()]:
        for name, child in [*parent.named_children()]:
            if isinstance(child, layer):
                child.merge()
                setattr(parent, name, child.get_base_layer())
    del backbone.peft_config
