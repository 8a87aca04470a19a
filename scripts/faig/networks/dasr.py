"""DASR (Wang et al., CVPR 2021, arXiv 2104.00416): convolutions made from a learned representation.

`restore(lr, code)` and `estimate(lr)` use one branch; the code is the encoder's representation of
the degradation, 4 x `encoder_features` numbers that have no names, because it is learned by
contrast: training has `contrast.MomentumContrast` for that, which compares what `encoder.embed`
makes of the representation; `forward` has no use for `embed`. Images may have any height and width;
in training, batch normalisation needs two or more values per channel.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ..data.batch import Batch
from .blocks import GlobalMean, Tail, conv, image_mean, require_positive
from .contrast import MomentumContrast
from .objectives import Objective, Phase

SLOPE = 0.1
REDUCTION = 8  # of the channels, inside the attention
RANGE = 255.0  # of the values inside the restorer


class Encoder(nn.Module):
    """LR image to its representation: convolutions with batch normalisation, global mean."""

    def __init__(self, features: int):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, stride in ((1, 1), (1, 1), (2, 2), (2, 1), (4, 2), (4, 1)):
            layers += [
                conv(channels, width * features, stride=stride),
                nn.BatchNorm2d(width * features),
                nn.LeakyReLU(SLOPE),
            ]
            channels = width * features
        self.width = channels
        self.body = nn.Sequential(*layers, GlobalMean())
        self.embed = nn.Sequential(
            nn.Linear(channels, channels), nn.LeakyReLU(SLOPE), nn.Linear(channels, channels)
        )

    def forward(self, lr: Tensor) -> Tensor:
        return self.body(lr)


class ChannelAttention(nn.Module):
    """x * sigmoid(conv(leaky(conv(code)))), with 1 x 1 convolutions without biases."""

    def __init__(self, features: int, code: int):
        super().__init__()
        inner = max(1, features // REDUCTION)
        self.body = nn.Sequential(
            nn.Conv2d(code, inner, 1, bias=False),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(inner, features, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        return x * self.body(code[..., None, None])


class DynamicConvolution(nn.Module):
    """Depthwise 3 x 3 convolution with kernels made from the code, 1 x 1; plus attention.

    The kernels are activations, not weights: they are no filters, the 1 x 1 convolutions are.
    """

    def __init__(self, features: int, code: int):
        super().__init__()
        self.kernels = nn.Sequential(
            nn.Linear(code, code, bias=False),
            nn.LeakyReLU(SLOPE),
            nn.Linear(code, features * 9, bias=False),
        )
        self.mix = conv(features, features, 1)
        self.attention = ChannelAttention(features, code)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        kernels = self.kernels(code).reshape(-1, 1, 3, 3)  # (N * features, 1, 3, 3)
        # one group per image and channel
        filtered = F.conv2d(x.flatten(0, 1)[None], kernels, padding=1, groups=len(kernels))
        mixed = self.mix(F.leaky_relu(filtered.reshape(x.shape), SLOPE))
        return mixed + self.attention(x, code)


class DegradationBlock(nn.Module):
    """Two dynamic convolutions, each followed by an ordinary one; residual."""

    def __init__(self, features: int, code: int):
        super().__init__()
        self.dynamic1 = DynamicConvolution(features, code)
        self.conv1 = conv(features, features)
        self.dynamic2 = DynamicConvolution(features, code)
        self.conv2 = conv(features, features)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        change = F.leaky_relu(self.dynamic1(x, code), SLOPE)
        change = F.leaky_relu(self.conv1(change), SLOPE)
        change = F.leaky_relu(self.dynamic2(change, code), SLOPE)
        return x + self.conv2(change)


class Group(nn.Module):
    """Degradation-aware blocks and a convolution; residual."""

    def __init__(self, features: int, code: int, blocks: int):
        super().__init__()
        self.body = nn.ModuleList(DegradationBlock(features, code) for _ in range(blocks))
        self.fusion = conv(features, features)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        features = x
        for block in self.body:
            features = block(features, code)
        return x + self.fusion(features)


class Restorer(nn.Module):
    """LR image and representation to SR image."""

    def __init__(
        self,
        scale: int,
        features: int,
        groups: int,
        blocks: int,
        representation: int,
        code: int,
        skip: bool,
    ):
        super().__init__()
        # a constant, not a weight: no checkpoint holds it
        self.register_buffer("mean", image_mean(), persistent=False)
        self.compress = nn.Sequential(
            nn.Linear(representation, code, bias=False), nn.LeakyReLU(SLOPE)
        )
        self.head = conv(3, features)
        self.body = nn.ModuleList(Group(features, code, blocks) for _ in range(groups))
        self.fusion = conv(features, features)
        self.tail = Tail(features, scale, skip)

    def forward(self, lr: Tensor, representation: Tensor) -> Tensor:
        code = self.compress(representation)
        centred = (lr - self.mean) * RANGE
        first = self.head(centred)
        features = first
        for group in self.body:
            features = group(features, code)
        return self.tail(first + self.fusion(features), centred) / RANGE + self.mean


class DASRObjective(Objective):
    """Momentum contrast, first alone, then beside the L1 distance of the SR image.

    The second patch of each scene is the contrast's key; only the first one is restored.
    """

    phases = (
        Phase("encoder", 1 / 6, ("network.encoder.",)),
        Phase("joint", 5 / 6, ("network.",)),
    )
    views = 2

    def __init__(self, network: "DASR", seed: int = 0):
        super().__init__(network, seed)
        self.contrast = MomentumContrast(network.encoder, network.queue, seed)

    def forward(self, batch: Batch, phase: str) -> Tensor:
        """The contrast's cross entropy, plus the restorer's loss if that is trained."""
        (query, key), (hr, _) = batch.lr.chunk(2), batch.hr.chunk(2)
        code, contrast = self.contrast(query, key)
        if phase == "encoder":
            return contrast
        return contrast + F.l1_loss(self.network.restore(query, code).float(), hr)


class DASR(nn.Module):
    """An encoder that represents the degradation, a restorer that adapts to it.

    Args:
        scale: 2, 3 or 4.
        features: channels of the restorer's blocks; the paper has 64.
        groups: number of the restorer's groups; the paper has 5.
        blocks: number of blocks in each of them; the paper has 5.
        encoder_features: channels of the encoder's first convolution, a quarter of those of the
            representation; the paper has 64.
        code: channels of the representation inside the restorer; the paper has 64.
        queue: patches that the contrast of the training remembers; the paper has 8,192. A multiple
            of the batch.
        skip: add the bilinearly enlarged input to the output, and start from it. The paper's
            network has no skip, and needs a long training before it shows the image at all.

    Raises:
        InputError: a size below 1.
    """

    objective = DASRObjective

    def __init__(
        self,
        scale: int = 2,
        features: int = 64,
        groups: int = 5,
        blocks: int = 5,
        encoder_features: int = 64,
        code: int = 64,
        queue: int = 8192,
        skip: bool = False,
    ):
        super().__init__()
        require_positive(features=features, groups=groups, blocks=blocks)
        require_positive(encoder_features=encoder_features, code=code, queue=queue)
        self.scale, self.queue = scale, queue
        self.encoder = Encoder(encoder_features)
        width = self.encoder.width
        self.restorer = Restorer(scale, features, groups, blocks, width, code, skip)

    def forward(self, lr: Tensor) -> Tensor:
        """The SR image (N, 3, scale H, scale W) of an LR image (N, 3, H, W)."""
        return self.restore(lr, self.estimate(lr))

    def restore(self, lr: Tensor, code: Tensor) -> Tensor:
        """The SR image for a given representation (N, 4 encoder_features)."""
        return self.restorer(lr, code)

    def estimate(self, lr: Tensor) -> Tensor:
        """The representation (N, 4 encoder_features) of the degradation."""
        return self.encoder(lr)


Network = DASR
