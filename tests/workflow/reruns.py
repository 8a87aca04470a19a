"""Rules by what they depend on; each set holds what depends on its first rules, too."""

PLOTS = {
    "plot_health", "plot_masking", "plot_masking_psnr", "plot_grid", "plot_retraining",
    "plot_locations", "plot_locations_map", "plot_training", "plot_prediction",
    "plot_quadrature", "plot_benchmark", "plot_training_benchmark", "plot_two_branch",
    "plot_two_branch_sigma", "plot_two_branch_knowledge", "plot_two_branch_training",
    "plot_faithfulness", "plot_league", "plot_stability", "plot_trust", "plot_modulation",
    "plot_strip", "plot_specificity", "plot_confusion", "explore",
}  # fmt: skip
COST = {"measure_attribution", "gather_measured", "plot_benchmark"}
SPEED = {"measure_training", "gather_measured", "plot_training_benchmark"}
QUADRATURE = {"measure_quadrature", "plot_quadrature"} | COST
TRUST = {"judge_trust", "plot_trust", "table_trust", "summarize"}
BENCH = {
    "measure_faithfulness", "plot_faithfulness", "plot_specificity", "plot_league", "table_league",
    "table_findings", "explore",
} | TRUST  # fmt: skip
MASKING = {
    "mask", "plot_masking", "plot_masking_psnr", "table_masking", "table_findings", "summarize",
}  # fmt: skip
RETRAINING = {
    "retrain", "gather_retrained", "plot_retraining", "table_retraining", "table_localisation",
    "table_findings", "summarize",
}  # fmt: skip
KNOWLEDGE = {
    "plot_two_branch_knowledge", "table_two_branch_knowledge", "summarize_two_branch",
}  # fmt: skip
PROBE = {"probe_two_branch"} | KNOWLEDGE
COMPARISON = {
    "evaluate_two_branch", "plot_two_branch", "plot_two_branch_sigma", "table_two_branch",
    "table_two_branch_findings",
} | KNOWLEDGE  # fmt: skip
LEARNING = {"train_two_branch", "plot_two_branch_training"} | COMPARISON | PROBE
SYSTEM = {"match_controls"} | LEARNING
RANDOM_BLUR = {"make_kernel_code"} | LEARNING
COMPARED = {"compare_photographs"}
COMPARED_BLURRED = {"compare_photographs_two_branch"}
BLURRED = {"synthesize_two_branch"} | COMPARED_BLURRED | LEARNING
PREDICTION = {
    "predict", "plot_prediction", "plot_confusion", "table_prediction", "table_findings",
    "summarize",
} | KNOWLEDGE  # fmt: skip
EVALUATION = {
    "evaluate", "plot_masking_psnr", "plot_retraining", "table_networks", "table_masking",
    "table_retraining", "table_localisation", "summarize",
}  # fmt: skip
GRID = {"plot_grid"}
EXPLORER = {"explore"}
STRIP = {"plot_strip"} | EXPLORER
MODULATION = {"modulate", "plot_modulation", "table_findings", "summarize"}
MODULATED = {"export_modulated"}
TRANSPLANT = {"transplant", "plot_transplant", "table_transplant", "summarize"}
CONTROL = {
    "match_random", "plot_locations", "table_locations",
} | MASKING | BENCH | RETRAINING  # fmt: skip
RANKING = {
    "rank", "plot_locations_map", "table_networks",
} | CONTROL | PREDICTION | MODULATION | GRID | STRIP | MODULATED  # fmt: skip
SIGNED = {
    "take_signed", "rank", "plot_locations", "table_locations",
} | MASKING | BENCH | RETRAINING  # fmt: skip
ATTRIBUTION = {"attribute", "table_completeness", "take_signed"} | RANKING
# figures of rankings carry the verdict on the pair
HEALTH = {
    "check_health", "plot_health", "table_health", "plot_masking", "plot_masking_psnr",
    "plot_faithfulness", "plot_league", "plot_retraining", "plot_locations", "plot_locations_map",
    "plot_prediction", "plot_confusion", "plot_specificity", "plot_modulation", "plot_grid",
    "plot_strip", "explore", "table_findings", "table_masking", "table_league", "table_retraining",
    "table_locations", "table_prediction", "table_completeness", "table_stability", "table_sanity",
    "table_localisation",
} | TRUST  # fmt: skip
# on the same crops
LOOKS = {"check_pair"} | HEALTH
STABILITY = {"measure_stability", "plot_stability", "table_stability", "table_sanity"} | TRUST
TEST_IMAGES = (
    {"synthesize", "synthesize_two_branch"}
    | COMPARED
    | COMPARED_BLURRED
    | (EVALUATION | MASKING | BENCH | RETRAINING | PREDICTION | GRID | COMPARISON | PROBE)
    | MODULATION
    | STRIP
)
EXPORT = {"export_checkpoint"}
TARGET = (
    {"train_target", "plot_training"}
    | LOOKS | STABILITY | EVALUATION | QUADRATURE | ATTRIBUTION | GRID | EXPORT
)  # fmt: skip
TRAINING = {"train_baseline"} | TARGET
# that the training curve and all after it are made of
IMAGES = {"synthesize"} | COMPARED | TRAINING
TRAINING_IMAGES = IMAGES | SPEED
ALL_IMAGES = TRAINING_IMAGES | BLURRED
ARCHIVE = {"download", "synthesize"}
