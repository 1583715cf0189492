typedef int mlops_engine_placeholder;
