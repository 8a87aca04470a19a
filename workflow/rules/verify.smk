rule verify:
    log:
        "<run>/logs/verify.log",
    localrule: True
    conda:
        "../../envs/run.yaml"
    params:
        script=f"{SCRIPTS}/verify.py",
        checksums=CHECKSUMS,
        # the user's own command, for the advice what to do
        command=shlex.join(
            ["snakemake", "TARGETS", *(a for a in sys.argv[1:] if a != "verify")]
        ),
    shell:
        "python {params.script:q} --manifest {params.checksums:q}"
        " --snakemake {params.command:q} > {log:q} 2>&1 && cat {log:q}"
        # Snakemake shows the log of a job that failed, unless it is to be quiet
        + (" || (cat {log:q}; exit 1)" if workflow.output_settings.quiet else "")
