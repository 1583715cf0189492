typedef int mlops_cli_placeholder;
