typedef int mlops_codec_placeholder;
