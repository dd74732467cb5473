"""Weights for torch, from a safetensors file. Needs the extra ``train``."""

from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ecgnoise.errors import CheckpointError, one_line
from ecgnoise.models.folder import read_file

WIDEST: Final = 8192
SHOWN_CHARACTERS: Final = 100


def load_weights(file: Path) -> dict[str, Tensor]:
    """The tensors by name, all plain ones of floating-point or whole numbers.

    Raises CheckpointError where the file cannot be read, is damaged, or has tensors of absurd shapes.
    """
    try:
        weights: dict[str, Tensor] = load(read_file(file))
    except (SafetensorError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, OverflowError) as error:
        reason = one_line(error, SHOWN_CHARACTERS)
        raise CheckpointError(f"{file}: no safetensors file ({reason}): copy the whole folder again") from error
    for name, tensor in weights.items():
        check_tensor(tensor, name, str(file))
    return weights


def check_tensor(tensor: Tensor, name: str, source: str) -> None:
    """CheckpointError unless a tensor is a plain one in memory with numbers in it that a network can have."""
    shown = f"{source}: parameter {name[:SHOWN_CHARACTERS]!r}"
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        kind = "quantized" if tensor.is_quantized else f"{tensor.layout} on {tensor.device.type}"
        raise CheckpointError(f"{shown} is {kind}: save it as a plain tensor")
    if tensor.is_complex():
        raise CheckpointError(f"{shown} holds complex numbers: save one of real numbers")
    if any(size < 1 or size > WIDEST for size in tensor.shape):
        raise CheckpointError(f"{shown} has shape {tuple(tensor.shape)}: at most {WIDEST} a dimension, and none empty")
