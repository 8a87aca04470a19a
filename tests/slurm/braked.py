"""A network whose training can be held up, so that a test can interfere at its leisure."""

import time
from pathlib import Path

import torch.nn.functional as F
from torch import nn

BRAKE = Path("brake")
PASSES = Path("passes")  # a byte for each that the brake has slowed


class Braked(nn.Module):
    """Two convolutions and a pixel shuffle; slow while the working directory holds a brake."""

    def __init__(self, scale: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 3 * scale**2, 3, padding=1)
        self.scale = scale

    def forward(self, x):
        if self.training and BRAKE.exists():
            time.sleep(0.1)
            with PASSES.open("a") as file:
                file.write(".")
        return F.pixel_shuffle(self.conv2(F.relu(self.conv1(x))), self.scale)
