"""Networks, one file each. A file's name is the network's name in the config.

Each file assigns its class to `Network`, but for those that hold parts. The class takes `scale` and
its own parameters, and maps LR images (N, 3, H, W) to SR images (N, 3, scale H, scale W), values in
[0, 1]. A user's own class is named `"package.module:Class"`.

Two-branch networks (`ikc`, `dan1`, `dan2`, `dasr`) have a branch that estimates the degradation,
`estimate(lr) -> code`, and one that restores with the estimate, `restore(lr, code) -> sr`.
"""
