"""The CPU route: one model of transformers, run in several ways that are faster, saved and opened again.

`recipe` names the ways. `build` makes a model of one: `torch_engine` and `torchao_engine` replace linear layers,
`openvino_graph` and `onnx_graph` turn the whole model into a graph for another engine; `calibration` finds static
scales for it. `saved` writes the results, with `torch_files` and a `record` that says how they are computed; `opening`
opens them. `features` says what this processor is good at.
"""
