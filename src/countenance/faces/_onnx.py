"""ONNX models of the OpenCV Zoo, made ready in memory for ONNX Runtime.

The block-quantised files store int8 weights and dequantise them at every inference (nodes
DequantizeLinear, then Reshape). SFace's lists the unused float weights as inputs of the graph;
YuNet's carries block sizes on scalar scales, which ONNX Runtime 1.32 refuses to run. Folding the
dequantised weights into constants once removes all three troubles. Measured on two shared cores,
one thread an inference: SFace 51 ms before, 30 ms after, for 0.4 s more at load; greatest
difference of an embedding component 1.3e-6 (norms are about 10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from countenance.core import IntegrityError

if TYPE_CHECKING:
    import onnxruntime


def fold_weights(model_bytes: bytes) -> bytes:
    """The same network with float32 constants for weights and no input but the picture."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(model_bytes)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    folded: dict[str, npt.NDArray[Any]] = {}
    nodes = []
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and all(name in stored for name in node.input):
            weights, scale, zero = (numpy_helper.to_array(stored[name]) for name in node.input)
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            folded[node.output[0]] = _dequantise(weights, scale, zero, attributes)
        elif node.op_type == "Reshape" and node.input[0] in folded:
            shape = numpy_helper.to_array(stored[node.input[1]])
            folded[node.output[0]] = folded[node.input[0]].reshape(shape)
        else:
            nodes.append(node)

    used = {name for node in nodes for name in node.input}
    constants = [tensor for name, tensor in stored.items() if name in used]
    constants += [numpy_helper.from_array(v, name) for name, v in folded.items() if name in used]
    inputs = [item for item in graph.input if item.name in used and item.name not in stored]
    for field, content in (
        (graph.node, nodes),
        (graph.initializer, constants),
        (graph.input, inputs),
        (graph.value_info, []),
    ):
        del field[:]
        field.extend(content)
    return bytes(model.SerializeToString())


def _dequantise(
    weights: npt.NDArray[Any],
    scale: npt.NDArray[Any],
    zero: npt.NDArray[Any],
    attributes: dict[str, Any],
) -> npt.NDArray[np.float32]:
    """``(weights - zero) * scale``, scale and zero repeated over blocks of one axis.

    ONNX operator DequantizeLinear, version 21.
    """
    if scale.ndim:
        axis, block = attributes["axis"], attributes["block_size"]
        within = tuple(
            slice(size) if place == axis else slice(None)
            for place, size in enumerate(weights.shape)
        )
        scale = np.repeat(scale, block, axis=axis)[within]
        zero = np.repeat(zero, block, axis=axis)[within]
    whole = weights.astype(np.int32) - zero.astype(np.int32)
    return np.asarray(whole.astype(np.float32) * scale, dtype=np.float32)


def open_session(model_bytes: bytes, *, expect: str) -> onnxruntime.InferenceSession:
    """A CPU session with one thread an inference; parallelism is over pictures.

    So neither the thread count nor the batch can change a bit: each picture is one inference of
    batch size 1 on one thread. Sessions may be run from several threads at once.

    Raises
    ------
    IntegrityError
        The only input is not called `expect`: this is another network.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; the files provoke warnings by the dozen
    session = onnxruntime.InferenceSession(
        model_bytes, options, providers=["CPUExecutionProvider"]
    )
    names = [item.name for item in session.get_inputs()]
    if names != [expect]:
        raise IntegrityError(f"the network takes {names}", expected=f"one input {expect!r}")
    return session
