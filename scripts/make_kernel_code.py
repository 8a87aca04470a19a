"""Find the principal components of blur kernels that two-branch networks know a kernel by."""

from faig.data.kernels import KernelPCA, kernel_pca
from faig.networks.weights import save_weights
from faig.run import cli

STORED = 30  # components, more than any network asks for; their order is that of their variance


def main(args) -> None:
    pca: KernelPCA = kernel_pca(args.config["low"], args.config["high"], STORED)
    save_weights(args.output, pca.state_dict(), {"config": args.config})


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    cli.path(parser, "--output", "components to write (safetensors)")
    cli.run(main, parser)
