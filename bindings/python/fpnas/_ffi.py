"""The C interface of include/fpnas.h, written by scripts/generate_ffi.py. Do not edit."""

from ctypes import (
    CDLL,
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_uint8,
    c_void_p,
    create_string_buffer,
    sizeof,
)

# Constants
FPNAS_ABI_VERSION = 0
FPNAS_ALGORITHM_BIGNAS = 7
FPNAS_ALGORITHM_DARTS = 5
FPNAS_ALGORITHM_EVOLUTION = 3
FPNAS_ALGORITHM_FBNETV2 = 6
FPNAS_ALGORITHM_FP_NAS = 0
FPNAS_ALGORITHM_PARSEC = 1
FPNAS_ALGORITHM_RANDOM = 2
FPNAS_ALGORITHM_REINFORCE = 4
FPNAS_BASELINE_MEAN = 1
FPNAS_BASELINE_NONE = 0
FPNAS_BUDGET_HARD = 1
FPNAS_BUDGET_SOFT = 0
FPNAS_COST_ACTIVATIONS = 2
FPNAS_COST_MACS = 0
FPNAS_COST_PARAMETERS = 1
FPNAS_COUNT_MOBILE_VISION = 1
FPNAS_COUNT_NAS_BENCH = 2
FPNAS_COUNT_TORCH = 0
FPNAS_E_BUFFER = -3
FPNAS_E_BUSY = -5
FPNAS_E_FORKED = -10
FPNAS_E_FORMAT = -8
FPNAS_E_HANDLE = -2
FPNAS_E_INFEASIBLE = -11
FPNAS_E_INVALID = -1
FPNAS_E_IO = -7
FPNAS_E_NOMEM = -4
FPNAS_E_STATE = -9
FPNAS_E_UTF8 = -6
FPNAS_FORM_FACTORISED = 0
FPNAS_FORM_JOINT = 1
FPNAS_INTERPOLATE_MACS = 1
FPNAS_INTERPOLATE_NONE = 0
FPNAS_MIXTURE_DARTS = 0
FPNAS_MIXTURE_FBNETV2 = 1
FPNAS_OBJECTIVE_CONDITIONED = 0
FPNAS_OBJECTIVE_WITHIN = 1
FPNAS_OK = 0
FPNAS_OPTIMISER_ADAM = 2
FPNAS_OPTIMISER_RMSPROP = 1
FPNAS_OPTIMISER_SGD = 0
FPNAS_REWARD_PRODUCT = 1
FPNAS_REWARD_TOLD = 0
FPNAS_SHAPES_EFFECTIVE = 1
FPNAS_SHAPES_EXPECTED = 0
FPNAS_STOP_COLLAPSE = 3
FPNAS_STOP_ENTROPY = 2
FPNAS_STOP_NONE = 0
FPNAS_STOP_STEPS = 1
FPNAS_VERSION_NUMBER = 100

# Opaque handles


class fpnas_space(Structure):
    pass


class fpnas_space_builder(Structure):
    pass


class fpnas_distribution(Structure):
    pass


class fpnas_cost(Structure):
    pass


class fpnas_budget(Structure):
    pass


class fpnas_latency(Structure):
    pass


class fpnas_search(Structure):
    pass


class fpnas_mixture(Structure):
    pass


class fpnas_run(Structure):
    pass


class fpnas_retrain(Structure):
    pass


class fpnas_network(Structure):
    pass


# Structs


class fpnas_search_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("algorithm", c_int32),
        ("seed", c_uint64),
        ("samples_per_nat", c_double),
        ("sample_count", c_int64),
        ("minimum_samples", c_int64),
        ("maximum_samples", c_int64),
        ("likelihood_scale", c_double),
        ("effective_sample_share", c_double),
        ("learning_rate", c_double),
        ("adam_beta1", c_double),
        ("adam_beta2", c_double),
        ("adam_epsilon", c_double),
        ("cost_weight", c_double),
        ("cost_target", c_double),
        ("joint_step", c_int64),
        ("warm_up_steps", c_int64),
        ("maximum_steps", c_int64),
        ("stop_entropy", c_double),
        ("baseline", c_int32),
        ("stops_on_collapse", c_int32),
        ("budget_objective", c_int32),
        ("reserved", c_int32),
        ("population_size", c_int64),
        ("tournament_size", c_int64),
        ("reward", c_int32),
        ("reserved2", c_int32),
        ("reward_exponent", c_double),
        ("baseline_decay", c_double),
        ("entropy_weight", c_double),
        ("clip_range", c_double),
        ("clip_epochs", c_int64),
    ]


class fpnas_ask(Structure):
    _fields_ = [
        ("number", c_uint64),
        ("sample_count", c_uint64),
        ("network_count", c_uint64),
    ]


class fpnas_progress(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("form", c_int32),
        ("stop_reason", c_int32),
        ("reserved", c_int32),
        ("steps", c_int64),
        ("asks", c_int64),
        ("open_asks", c_int64),
        ("samples_drawn", c_int64),
        ("evaluations", c_int64),
        ("sample_count", c_int64),
        ("next_sample_count", c_int64),
        ("initial_entropy", c_double),
        ("entropy", c_double),
        ("effective_samples", c_double),
        ("likelihood_scale", c_double),
        ("mean_log_likelihood", c_double),
        ("gradient_norm", c_double),
        ("best_log_likelihood", c_double),
        ("skip_probability", c_double),
        ("budget_log_probability", c_double),
    ]


class fpnas_search_budget(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("mode", c_int32),
        ("least", c_int64),
        ("most", c_int64),
        ("weight", c_double),
        ("resolution", c_int64),
    ]


class fpnas_mixture_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("algorithm", c_int32),
        ("seed", c_uint64),
        ("learning_rate", c_double),
        ("adam_beta1", c_double),
        ("adam_beta2", c_double),
        ("adam_epsilon", c_double),
        ("weight_decay", c_double),
        ("initial_temperature", c_double),
        ("temperature_decay", c_double),
        ("minimum_temperature", c_double),
        ("steps_per_epoch", c_int64),
    ]


class fpnas_weighted_sum(Structure):
    _fields_ = [
        ("maximum", c_double),
        ("total", c_double),
        ("is_empty", c_int32),
        ("reserved", c_int32),
    ]


class fpnas_run_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("algorithm", c_int32),
        ("seed", c_uint64),
        ("epochs", c_int64),
        ("batch_size", c_int64),
        ("threads", c_int64),
        ("image_size", c_int64),
        ("maximum_shift", c_int64),
        ("samples_per_nat", c_double),
        ("sample_count", c_int64),
        ("minimum_samples", c_int64),
        ("maximum_samples", c_int64),
        ("likelihood_scale", c_double),
        ("learning_rate", c_double),
        ("cost_weight", c_double),
        ("cost_target", c_double),
        ("joint_epoch", c_int64),
        ("warm_up_epochs", c_int64),
        ("weight_rate", c_double),
        ("momentum", c_double),
        ("weight_decay", c_double),
        ("baseline", c_int32),
        ("second_order", c_int32),
        ("training_images", c_int64),
        ("test_share", c_double),
        ("class_balance", c_double),
        ("cutout", c_int64),
        ("image_memory", c_int64),
        ("flip", c_int32),
        ("resize_unequal", c_int32),
        ("check_files", c_int32),
        ("budget_mode", c_int32),
        ("optimiser", c_int32),
        ("zero_last_gamma", c_int32),
        ("rate_warm_up", c_double),
        ("label_smoothing", c_double),
        ("dropout", c_double),
        ("stochastic_depth", c_double),
        ("weight_averaging", c_double),
        ("weight_likelihood_scale", c_double),
        ("warm_up_share", c_double),
        ("random_children", c_int64),
        ("coarse_children", c_int64),
        ("mutations", c_int64),
        ("statistics_batches", c_int64),
        ("selection_images", c_int64),
        ("weights_share", c_double),
        ("initial_temperature", c_double),
        ("temperature_decay", c_double),
        ("population_size", c_int64),
        ("tournament_size", c_int64),
        ("reward_exponent", c_double),
        ("baseline_decay", c_double),
        ("entropy_weight", c_double),
        ("clip_range", c_double),
        ("clip_epochs", c_int64),
        ("evaluate_each_draw", c_int32),
        ("reserved", c_int32),
    ]


class fpnas_run_progress(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("is_done", c_int32),
        ("is_joint", c_int32),
        ("stop_reason", c_int32),
        ("epoch", c_int64),
        ("epochs", c_int64),
        ("step", c_int64),
        ("steps", c_int64),
        ("sample_count", c_int64),
        ("samples_drawn", c_int64),
        ("evaluations", c_int64),
        ("initial_entropy", c_double),
        ("entropy", c_double),
        ("expected_macs", c_double),
        ("cost_target", c_double),
        ("train_log_likelihood", c_double),
        ("validation_log_likelihood", c_double),
        ("validation_accuracy", c_double),
        ("effective_samples", c_double),
        ("skip_probability", c_double),
        ("seconds", c_double),
        ("seconds_left", c_double),
        ("block_evaluations", c_int64),
        ("blocks_drawn", c_int64),
    ]


class fpnas_child(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_int32),
        ("macs", c_int64),
        ("log_likelihood", c_double),
        ("accuracy", c_double),
        ("measured", c_int64),
    ]


class fpnas_retrain_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_int32),
        ("seed", c_uint64),
        ("epochs", c_int64),
        ("batch_size", c_int64),
        ("threads", c_int64),
        ("image_size", c_int64),
        ("maximum_shift", c_int64),
        ("weight_rate", c_double),
        ("momentum", c_double),
        ("weight_decay", c_double),
        ("training_images", c_int64),
        ("test_share", c_double),
        ("class_balance", c_double),
        ("cutout", c_int64),
        ("image_memory", c_int64),
        ("flip", c_int32),
        ("resize_unequal", c_int32),
        ("check_files", c_int32),
        ("reserved2", c_int32),
        ("optimiser", c_int32),
        ("zero_last_gamma", c_int32),
        ("rate_warm_up", c_double),
        ("label_smoothing", c_double),
        ("dropout", c_double),
        ("stochastic_depth", c_double),
        ("weight_averaging", c_double),
    ]


class fpnas_retrain_progress(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("is_done", c_int32),
        ("step", c_int64),
        ("steps", c_int64),
        ("train_log_likelihood", c_double),
        ("seconds", c_double),
    ]


# Sizes of the structs as the C compiler lays them out
SIZES = {
    fpnas_search_options: 224,
    fpnas_ask: 24,
    fpnas_progress: 144,
    fpnas_search_budget: 40,
    fpnas_mixture_options: 88,
    fpnas_weighted_sum: 24,
    fpnas_run_options: 416,
    fpnas_run_progress: 176,
    fpnas_child: 40,
    fpnas_retrain_options: 184,
    fpnas_retrain_progress: 40,
}

# Values of the _INIT macros
INITIAL_VALUES = {
    fpnas_mixture_options: (
        sizeof(fpnas_mixture_options),
        0,
        0,
        0.0,
        -1.0,
        0.0,
        0.0,
        -1.0,
        0.0,
        0.0,
        0.0,
        0,
    ),
    fpnas_search_budget: (
        sizeof(fpnas_search_budget),
        1,
        0,
        0,
        1.0,
        0,
    ),
    fpnas_search_options: (
        sizeof(fpnas_search_options),
        0,
        0,
        0.25,
        14,
        2,
        64,
        1.0,
        0.0,
        0.05,
        0.9,
        0.999,
        1e-08,
        0.0,
        0.0,
        -1,
        0,
        0,
        0.0,
        1,
        0,
        0,
        0,
        100,
        25,
        0,
        0,
        -0.07,
        0.9,
        0.0,
        0.0,
        4,
    ),
    fpnas_weighted_sum: (
        0.0,
        0.0,
        1,
        0,
    ),
}

# Function: (result, arguments)
SIGNATURES = {
    "fpnas_version_number": (
        c_int32,
        [
        ],
    ),
    "fpnas_version_string": (
        c_char_p,
        [
        ],
    ),
    "fpnas_abi_version": (
        c_int32,
        [
        ],
    ),
    "fpnas_build_info": (
        c_char_p,
        [
        ],
    ),
    "fpnas_last_error": (
        c_char_p,
        [
        ],
    ),
    "fpnas_status_name": (
        c_char_p,
        [
            c_int32,
        ],
    ),
    "fpnas_debug_live_handles": (
        c_int64,
        [
        ],
    ),
    "fpnas_space_builder_create": (
        c_int32,
        [
            c_char_p,
            POINTER(POINTER(fpnas_space_builder)),
        ],
    ),
    "fpnas_space_builder_set_input": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_int32,
            c_int32,
            c_int32,
            c_int32,
        ],
    ),
    "fpnas_space_builder_add_layer": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
        ],
    ),
    "fpnas_space_builder_set_operation": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            c_int32,
            c_int32,
        ],
    ),
    "fpnas_space_builder_set_repeats": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            POINTER(c_int32),
            c_size_t,
        ],
    ),
    "fpnas_space_builder_set_per_block": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
        ],
    ),
    "fpnas_space_builder_add_alternative": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            c_char_p,
        ],
    ),
    "fpnas_space_builder_add_integers": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            POINTER(c_int64),
            c_size_t,
        ],
    ),
    "fpnas_space_builder_add_reals": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_space_builder_add_texts": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            POINTER(c_char_p),
            c_size_t,
        ],
    ),
    "fpnas_space_builder_set_condition": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            POINTER(c_int32),
            c_size_t,
        ],
    ),
    "fpnas_space_builder_fix_integer": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            c_int64,
        ],
    ),
    "fpnas_space_builder_fix_real": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            c_double,
        ],
    ),
    "fpnas_space_builder_fix_text": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            c_char_p,
            c_char_p,
        ],
    ),
    "fpnas_space_builder_finish": (
        c_int32,
        [
            POINTER(fpnas_space_builder),
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_space_builder_free": (
        None,
        [
            POINTER(fpnas_space_builder),
        ],
    ),
    "fpnas_space_preset": (
        c_int32,
        [
            c_char_p,
            c_int32,
            c_int32,
            c_int32,
            c_int32,
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_space_preset_names": (
        c_int32,
        [
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_cells": (
        c_int32,
        [
            c_char_p,
            c_int32,
            c_int32,
            c_int32,
            c_int32,
            c_int32,
            c_int32,
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_space_from_json": (
        c_int32,
        [
            c_char_p,
            c_size_t,
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_space_load": (
        c_int32,
        [
            c_char_p,
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_space_to_json": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_free": (
        None,
        [
            POINTER(fpnas_space),
        ],
    ),
    "fpnas_space_name": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_layer_count": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_layer_name": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_size_t,
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_variable_count": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_variable_name": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_size_t,
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_variable_layer": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_choice_count": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_choice_label": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_size_t,
            c_size_t,
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_count": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_int32,
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_logit_counts": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int64),
            POINTER(c_int64),
        ],
    ),
    "fpnas_space_validate": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            c_size_t,
        ],
    ),
    "fpnas_space_network_hash": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            POINTER(c_uint64),
        ],
    ),
    "fpnas_space_canonicalise": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            c_size_t,
        ],
    ),
    "fpnas_space_architecture_to_json": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_architecture_load": (
        c_int32,
        [
            c_char_p,
            POINTER(POINTER(fpnas_space)),
            POINTER(c_int32),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_compound_candidates": (
        c_int32,
        [
            c_double,
            c_double,
            c_double,
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_compound_scaling": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_double,
            c_double,
            c_double,
            c_double,
            c_double,
            c_int32,
            POINTER(c_double),
            POINTER(c_double),
            POINTER(c_int32),
            POINTER(c_int32),
        ],
    ),
    "fpnas_space_scaled": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            c_double,
            c_double,
            c_int32,
            c_int32,
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_space_costs": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            c_int32,
            POINTER(c_int64),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_layer_costs": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int32),
            POINTER(c_int64),
            POINTER(c_int64),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_space_cost_range": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_int32,
            POINTER(c_int64),
            POINTER(c_int64),
        ],
    ),
    "fpnas_distribution_create": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_int32,
            POINTER(POINTER(fpnas_distribution)),
        ],
    ),
    "fpnas_distribution_copy": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(POINTER(fpnas_distribution)),
        ],
    ),
    "fpnas_distribution_to_joint": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(POINTER(fpnas_distribution)),
        ],
    ),
    "fpnas_distribution_free": (
        None,
        [
            POINTER(fpnas_distribution),
        ],
    ),
    "fpnas_distribution_space": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_distribution_form": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(c_int32),
        ],
    ),
    "fpnas_distribution_get_logits": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_distribution_set_logits": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_distribution_entropy": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            c_int32,
            POINTER(c_double),
        ],
    ),
    "fpnas_distribution_log_probability": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(c_int32),
            c_size_t,
            c_int32,
            POINTER(c_double),
        ],
    ),
    "fpnas_distribution_marginals": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            c_int32,
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_distribution_sample": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            c_uint64,
            c_uint64,
            c_size_t,
            POINTER(c_int32),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_distribution_top": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            c_size_t,
            POINTER(c_int32),
            POINTER(c_double),
            POINTER(c_size_t),
        ],
    ),
    "fpnas_distribution_divergence": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(fpnas_distribution),
            POINTER(c_double),
        ],
    ),
    "fpnas_distribution_expected_cost": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            c_int32,
            POINTER(c_double),
        ],
    ),
    "fpnas_distribution_best_within": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            c_int32,
            c_int64,
            POINTER(c_int32),
            c_size_t,
            POINTER(c_double),
        ],
    ),
    "fpnas_cost_create_metric": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_int32,
            POINTER(POINTER(fpnas_cost)),
        ],
    ),
    "fpnas_cost_create_choices": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_int64),
            c_size_t,
            POINTER(POINTER(fpnas_cost)),
        ],
    ),
    "fpnas_cost_create_reals": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(c_double),
            c_size_t,
            c_double,
            POINTER(POINTER(fpnas_cost)),
        ],
    ),
    "fpnas_cost_free": (
        None,
        [
            POINTER(fpnas_cost),
        ],
    ),
    "fpnas_cost_space": (
        c_int32,
        [
            POINTER(fpnas_cost),
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_cost_of": (
        c_int32,
        [
            POINTER(fpnas_cost),
            POINTER(c_int32),
            c_size_t,
            POINTER(c_int64),
        ],
    ),
    "fpnas_cost_range": (
        c_int32,
        [
            POINTER(fpnas_cost),
            POINTER(c_int64),
            POINTER(c_int64),
        ],
    ),
    "fpnas_cost_moments": (
        c_int32,
        [
            POINTER(fpnas_cost),
            POINTER(fpnas_distribution),
            POINTER(c_double),
            POINTER(c_double),
        ],
    ),
    "fpnas_cost_expectation_gradient": (
        c_int32,
        [
            POINTER(fpnas_cost),
            POINTER(fpnas_distribution),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_cost_quantiles": (
        c_int32,
        [
            POINTER(fpnas_cost),
            POINTER(fpnas_distribution),
            POINTER(c_double),
            c_size_t,
            POINTER(c_int64),
            POINTER(c_int64),
            POINTER(c_int64),
        ],
    ),
    "fpnas_budget_create": (
        c_int32,
        [
            POINTER(fpnas_distribution),
            POINTER(POINTER(fpnas_cost)),
            POINTER(c_int64),
            POINTER(c_int64),
            POINTER(c_int64),
            c_size_t,
            POINTER(POINTER(fpnas_budget)),
        ],
    ),
    "fpnas_budget_free": (
        None,
        [
            POINTER(fpnas_budget),
        ],
    ),
    "fpnas_budget_space": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_budget_resolutions": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_int64),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_budget_log_probability": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_double),
        ],
    ),
    "fpnas_budget_bounds": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_double),
            POINTER(c_double),
        ],
    ),
    "fpnas_budget_entropy": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_double),
        ],
    ),
    "fpnas_budget_marginals": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_budget_log_probabilities": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_int32),
            c_size_t,
            c_int32,
            POINTER(c_double),
        ],
    ),
    "fpnas_budget_gradient": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_budget_sample": (
        c_int32,
        [
            POINTER(fpnas_budget),
            c_uint64,
            c_uint64,
            c_size_t,
            POINTER(c_int32),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_budget_mode": (
        c_int32,
        [
            POINTER(fpnas_budget),
            POINTER(c_int32),
            c_size_t,
            POINTER(c_double),
            POINTER(c_int32),
        ],
    ),
    "fpnas_latency_load": (
        c_int32,
        [
            c_char_p,
            POINTER(POINTER(fpnas_latency)),
        ],
    ),
    "fpnas_latency_from_json": (
        c_int32,
        [
            c_char_p,
            c_size_t,
            POINTER(POINTER(fpnas_latency)),
        ],
    ),
    "fpnas_latency_import": (
        c_int32,
        [
            c_char_p,
            c_char_p,
            c_char_p,
            POINTER(POINTER(fpnas_latency)),
        ],
    ),
    "fpnas_latency_to_json": (
        c_int32,
        [
            POINTER(fpnas_latency),
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_latency_save": (
        c_int32,
        [
            POINTER(fpnas_latency),
            c_char_p,
        ],
    ),
    "fpnas_latency_free": (
        None,
        [
            POINTER(fpnas_latency),
        ],
    ),
    "fpnas_latency_missing": (
        c_int32,
        [
            POINTER(fpnas_latency),
            POINTER(fpnas_space),
            c_int32,
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_latency_of": (
        c_int32,
        [
            POINTER(fpnas_latency),
            POINTER(fpnas_space),
            c_int32,
            POINTER(c_int32),
            c_size_t,
            POINTER(c_int64),
        ],
    ),
    "fpnas_cost_create_latency": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(fpnas_latency),
            c_int32,
            POINTER(POINTER(fpnas_cost)),
        ],
    ),
    "fpnas_search_create": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(fpnas_search_options),
            POINTER(POINTER(fpnas_search)),
        ],
    ),
    "fpnas_search_free": (
        None,
        [
            POINTER(fpnas_search),
        ],
    ),
    "fpnas_search_options_get": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(fpnas_search_options),
        ],
    ),
    "fpnas_search_add_budget": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(fpnas_cost),
            POINTER(fpnas_search_budget),
        ],
    ),
    "fpnas_search_result": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(c_int32),
            c_size_t,
            POINTER(c_double),
            POINTER(c_int32),
        ],
    ),
    "fpnas_search_ask": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(fpnas_ask),
        ],
    ),
    "fpnas_search_ask_architectures": (
        c_int32,
        [
            POINTER(fpnas_search),
            c_uint64,
            POINTER(c_int32),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_search_ask_multiplicities": (
        c_int32,
        [
            POINTER(fpnas_search),
            c_uint64,
            POINTER(c_int64),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_search_open_asks": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(c_uint64),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_search_tell": (
        c_int32,
        [
            POINTER(fpnas_search),
            c_uint64,
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_search_tell_some": (
        c_int32,
        [
            POINTER(fpnas_search),
            c_uint64,
            POINTER(c_int64),
            POINTER(c_double),
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_search_close": (
        c_int32,
        [
            POINTER(fpnas_search),
            c_uint64,
        ],
    ),
    "fpnas_search_progress": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(fpnas_progress),
        ],
    ),
    "fpnas_search_distribution": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(POINTER(fpnas_distribution)),
        ],
    ),
    "fpnas_search_set_logits": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_search_best": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(c_int32),
            c_size_t,
            POINTER(c_double),
        ],
    ),
    "fpnas_search_save": (
        c_int32,
        [
            POINTER(fpnas_search),
            c_char_p,
        ],
    ),
    "fpnas_search_load": (
        c_int32,
        [
            c_char_p,
            POINTER(POINTER(fpnas_search)),
        ],
    ),
    "fpnas_search_to_bytes": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(c_uint8),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_search_from_bytes": (
        c_int32,
        [
            POINTER(c_uint8),
            c_size_t,
            POINTER(POINTER(fpnas_search)),
        ],
    ),
    "fpnas_search_space": (
        c_int32,
        [
            POINTER(fpnas_search),
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_mixture_create": (
        c_int32,
        [
            POINTER(fpnas_space),
            POINTER(fpnas_mixture_options),
            POINTER(POINTER(fpnas_mixture)),
        ],
    ),
    "fpnas_mixture_free": (
        None,
        [
            POINTER(fpnas_mixture),
        ],
    ),
    "fpnas_mixture_options_get": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(fpnas_mixture_options),
        ],
    ),
    "fpnas_mixture_coefficients": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(c_uint64),
            POINTER(c_double),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_mixture_tell": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            c_uint64,
            POINTER(c_double),
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_mixture_cost": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(fpnas_cost),
            c_int32,
            POINTER(c_double),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_mixture_result": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(c_int32),
            c_size_t,
        ],
    ),
    "fpnas_mixture_distribution": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(POINTER(fpnas_distribution)),
        ],
    ),
    "fpnas_mixture_set_logits": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(c_double),
            c_size_t,
        ],
    ),
    "fpnas_mixture_save": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            c_char_p,
        ],
    ),
    "fpnas_mixture_load": (
        c_int32,
        [
            c_char_p,
            POINTER(POINTER(fpnas_mixture)),
        ],
    ),
    "fpnas_mixture_to_bytes": (
        c_int32,
        [
            POINTER(fpnas_mixture),
            POINTER(c_uint8),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_mixture_from_bytes": (
        c_int32,
        [
            POINTER(c_uint8),
            c_size_t,
            POINTER(POINTER(fpnas_mixture)),
        ],
    ),
    "fpnas_darts_discretise": (
        c_int32,
        [
            POINTER(c_double),
            c_size_t,
            POINTER(c_int32),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_training_weights": (
        c_int32,
        [
            POINTER(c_double),
            POINTER(c_int64),
            c_size_t,
            c_double,
            POINTER(c_double),
        ],
    ),
    "fpnas_weighted_sum_push": (
        c_int32,
        [
            POINTER(fpnas_weighted_sum),
            c_double,
            c_int64,
            POINTER(c_double),
            POINTER(c_double),
        ],
    ),
    "fpnas_weighted_sum_merge": (
        c_int32,
        [
            POINTER(fpnas_weighted_sum),
            POINTER(fpnas_weighted_sum),
            POINTER(c_double),
            POINTER(c_double),
        ],
    ),
    "fpnas_run_options_init": (
        c_int32,
        [
            POINTER(fpnas_run_options),
            c_size_t,
        ],
    ),
    "fpnas_run_create": (
        c_int32,
        [
            c_char_p,
            POINTER(fpnas_space),
            POINTER(fpnas_run_options),
            POINTER(POINTER(fpnas_run)),
        ],
    ),
    "fpnas_run_free": (
        None,
        [
            POINTER(fpnas_run),
        ],
    ),
    "fpnas_run_options_get": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(fpnas_run_options),
        ],
    ),
    "fpnas_run_step": (
        c_int32,
        [
            POINTER(fpnas_run),
        ],
    ),
    "fpnas_run_progress_get": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(fpnas_run_progress),
        ],
    ),
    "fpnas_run_class_weights": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(c_double),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_run_space": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(POINTER(fpnas_space)),
        ],
    ),
    "fpnas_run_distribution": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(POINTER(fpnas_distribution)),
        ],
    ),
    "fpnas_run_result": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(c_int32),
            c_size_t,
            POINTER(c_double),
        ],
    ),
    "fpnas_run_select": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(c_int64),
            c_size_t,
        ],
    ),
    "fpnas_run_selected": (
        c_int32,
        [
            POINTER(fpnas_run),
            c_int64,
            POINTER(c_int32),
            c_size_t,
            POINTER(fpnas_child),
        ],
    ),
    "fpnas_run_test": (
        c_int32,
        [
            POINTER(fpnas_run),
            POINTER(c_int32),
            POINTER(c_double),
            POINTER(c_double),
        ],
    ),
    "fpnas_run_report": (
        c_int32,
        [
            POINTER(fpnas_run),
            c_char_p,
        ],
    ),
    "fpnas_run_save": (
        c_int32,
        [
            POINTER(fpnas_run),
            c_char_p,
        ],
    ),
    "fpnas_run_load": (
        c_int32,
        [
            c_char_p,
            c_char_p,
            c_int64,
            POINTER(POINTER(fpnas_run)),
        ],
    ),
    "fpnas_retrain_options_init": (
        c_int32,
        [
            POINTER(fpnas_retrain_options),
            c_size_t,
        ],
    ),
    "fpnas_retrain_create": (
        c_int32,
        [
            c_char_p,
            POINTER(fpnas_space),
            POINTER(c_int32),
            POINTER(fpnas_retrain_options),
            POINTER(POINTER(fpnas_retrain)),
        ],
    ),
    "fpnas_retrain_free": (
        None,
        [
            POINTER(fpnas_retrain),
        ],
    ),
    "fpnas_retrain_distil": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            POINTER(c_float),
            c_size_t,
            c_double,
            c_double,
        ],
    ),
    "fpnas_retrain_logits": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            POINTER(c_float),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_retrain_step": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            c_int64,
        ],
    ),
    "fpnas_retrain_progress_get": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            POINTER(fpnas_retrain_progress),
        ],
    ),
    "fpnas_retrain_test": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            POINTER(c_double),
            POINTER(c_double),
        ],
    ),
    "fpnas_retrain_save": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            c_char_p,
        ],
    ),
    "fpnas_retrain_load": (
        c_int32,
        [
            c_char_p,
            c_char_p,
            c_int64,
            POINTER(POINTER(fpnas_retrain)),
        ],
    ),
    "fpnas_space_random_near": (
        c_int32,
        [
            POINTER(fpnas_space),
            c_int64,
            c_uint64,
            POINTER(c_int32),
            c_size_t,
        ],
    ),
    "fpnas_debug_memory": (
        c_int32,
        [
            c_int32,
            POINTER(c_int64),
            POINTER(c_int64),
        ],
    ),
    "fpnas_retrain_network": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            POINTER(POINTER(fpnas_network)),
        ],
    ),
    "fpnas_retrain_distil_network": (
        c_int32,
        [
            POINTER(fpnas_retrain),
            POINTER(fpnas_network),
            c_double,
            c_double,
        ],
    ),
    "fpnas_network_save": (
        c_int32,
        [
            POINTER(fpnas_network),
            c_char_p,
        ],
    ),
    "fpnas_network_load": (
        c_int32,
        [
            c_char_p,
            c_int64,
            POINTER(POINTER(fpnas_network)),
        ],
    ),
    "fpnas_network_free": (
        None,
        [
            POINTER(fpnas_network),
        ],
    ),
    "fpnas_network_to_json": (
        c_int32,
        [
            POINTER(fpnas_network),
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_tensor_count": (
        c_int32,
        [
            POINTER(fpnas_network),
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_tensor_name": (
        c_int32,
        [
            POINTER(fpnas_network),
            c_size_t,
            POINTER(c_char),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_tensor_shape": (
        c_int32,
        [
            POINTER(fpnas_network),
            c_size_t,
            POINTER(c_int64),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_tensor_values": (
        c_int32,
        [
            POINTER(fpnas_network),
            c_size_t,
            POINTER(c_float),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_predict": (
        c_int32,
        [
            POINTER(fpnas_network),
            POINTER(c_uint8),
            c_size_t,
            c_int32,
            c_int32,
            POINTER(c_float),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_prepare": (
        c_int32,
        [
            POINTER(fpnas_network),
            POINTER(c_uint8),
            c_size_t,
            c_int32,
            c_int32,
            POINTER(c_float),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
    "fpnas_network_predict_prepared": (
        c_int32,
        [
            POINTER(fpnas_network),
            POINTER(c_float),
            c_size_t,
            POINTER(c_float),
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
}


def load(path):
    """Opens a library and declares its functions; OSError or AttributeError if it does not fit."""
    library = CDLL(path)
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
