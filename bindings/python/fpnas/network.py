"""A trained network by itself: inference, its tensors, its graph, its file."""

from __future__ import annotations

import copy
import functools
import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .errors import InvalidError


class Network(_call.Handle):
    """The weights, statistics and preprocessing of one network; needs no space and no images.

        network = training.network()          # of a Retraining; or Network.load(path)
        network.predict(images)               # uint8 images in, logits out
        network.tensors["stem.0.conv.weight"]
        network.save("network.safetensors")

    `fpnas.torch.to_torch` and `fpnas.onnx.export_onnx` take it to other frameworks.
    """

    _free = lib.fpnas_network_free
    _kind = "network"

    @classmethod
    def _made(cls, function: Any, *inputs: Any) -> Network:
        made = cls.__new__(cls)
        _call.Handle.__init__(made, _call.make(function, _ffi.fpnas_network, *inputs))
        return made

    @classmethod
    def load(cls, path: str | os.PathLike[str], threads: int = 0) -> Network:
        """From a file that `save` wrote; threads = 0 takes as many as the machine has cores."""
        return cls._made(
            lib.fpnas_network_load, _call.file_path(path), _call.int64(threads, "threads"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file with the graph in its metadata; replaces it as a whole."""
        _call.check(lib.fpnas_network_save(self._handle, _call.file_path(path)))

    # ---- Taking apart ---------------------------------------------------------------------------

    @functools.cached_property
    def _graph(self) -> dict[str, Any]:
        return json.loads(_call.get_text(lib.fpnas_network_to_json, self._handle))

    @property
    def graph(self) -> dict[str, Any]:
        """The operators, the input and its preprocessing: "fpnas-network" of the file formats."""
        return copy.deepcopy(self._graph)

    @property
    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """Copies of all tensors by name, in the order of the operators.

        Convolutions are (out, in of a group, row, column), fully connected layers (out, in), all
        others (channel,).
        """
        count = _call.get_value(lib.fpnas_network_tensor_count, _ffi.c_size_t, self._handle)
        tensors = {}
        for i in range(count):
            name = _call.get_text(lib.fpnas_network_tensor_name, self._handle, i)
            shape = _call.get_array(
                lib.fpnas_network_tensor_shape, self._handle, i, dtype=np.int64)
            values = _call.get_array(
                lib.fpnas_network_tensor_values, self._handle, i, dtype=np.float32)
            tensors[name] = values.reshape(shape)
        return tensors

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the network's input."""
        return tuple(self._graph["input"])

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of the logits."""
        return list(self._graph["class_names"])

    # ---- Inference ------------------------------------------------------------------------------

    def _images(self, images: npt.ArrayLike) -> np.ndarray:
        array = np.asarray(images)
        if array.dtype != np.uint8:
            raise InvalidError(
                f"images must be uint8, got an array of {array.dtype}: prepared floats are for "
                "predict_prepared")
        channels = self.input_shape[2]
        if array.ndim == 3 and channels == 1:
            array = array[..., None]
        if array.ndim != 4 or array.shape[3] != channels:
            raise InvalidError(
                f"images must have shape (count, height, width, {channels}), got {array.shape}")
        return np.ascontiguousarray(array)

    def _run(self, function: Any, array: np.ndarray, *size: int, row: tuple[int, ...]) -> Any:
        out = np.empty((len(array), *row), np.float32)
        _call.check(function(
            self._handle, _call.pointer(array), len(array), *size, _call.pointer(out), out.size,
            None))
        return out

    def predict(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Logits (count, classes) of uint8 images (count, height, width, channels) of any size.

        Grey images may be (count, height, width). They are resized and normalised as in the
        training. Bit-equal for any way of batching and any number of threads.
        """
        array = self._images(images)
        return self._run(
            lib.fpnas_network_predict, array, *array.shape[1:3], row=(self._graph["classes"],))

    def prepare(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The network's input (count, *input_shape) that images become."""
        array = self._images(images)
        return self._run(
            lib.fpnas_network_prepare, array, *array.shape[1:3], row=self.input_shape)

    def predict_prepared(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Logits of inputs (count, *input_shape) that are prepared already, float32."""
        array = np.ascontiguousarray(images, np.float32)
        if array.ndim != 4 or array.shape[1:] != self.input_shape:
            raise InvalidError(
                f"images must have shape (count, *{self.input_shape}), got {array.shape}")
        return self._run(
            lib.fpnas_network_predict_prepared, array, row=(self._graph["classes"],))

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Network>"
        graph = self._graph
        return (f"<Network {graph['name']!r}: {len(graph['operators'])} operators, input "
                f"{tuple(graph['input'])}, {graph['classes']} classes>")
