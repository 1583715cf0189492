typedef int mlops_model_placeholder;
