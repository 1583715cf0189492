typedef int mlops_host_placeholder;
