/* Command lines and environment of a job (job_command.c). */
#pragma once

#include "mlops/engine/job.h"

/* Fills commands and envp in the job's arena. */
FALLIBLE job_prepare(struct job *job);

/* The values of its secrets, for the redactor. */
struct redactor *job_redactor(struct job *job);
