"""What can be chosen by name: every closed set of words that the library and the command line share."""

from typing import Literal

Camera = Literal["follow", "top", "side"]
Columns = Literal["motion", "all"]
Device = Literal["cpu", "cuda"]
DeviceChoice = Literal["auto", "cpu", "cuda"]  # auto: a GPU where there is one
Distance = Literal["expected", "sample"]
Divergence = Literal["kl", "chi"]
Domain = Literal["locomotion", "antmaze", "adroit"]
Endings = Literal["absorbing", "mask"]
Features = Literal["step", "behaviour", "policy"]
Format = Literal["mp4", "gif", "webp"]
Labels = Literal["kmeans", "shuffled", "returns"]
Mode = Literal["skills", "imitation", "sparse"]
Preset = Literal["smoke", "quick", "paper"]
Pursuit = Literal["dwell", "reach"]
Quality = Literal["fast", "good"]
RendererName = Literal["auto", "ray", "gl"]
Residual = Literal["contrast", "v0", "expert"]
Task = Literal["diverse", "play", "evaluation"]
Trunk = Literal["shared", "independent"]
Unit = Literal["seconds", "steps"]
