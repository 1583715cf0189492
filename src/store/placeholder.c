typedef int mlops_store_placeholder;
