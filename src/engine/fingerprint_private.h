/* What the files of the fingerprint share. */
#pragma once

#include "mlops/engine/fingerprint.h"

/* What is not there, and no stage of this run makes, may be in the store: it comes back before it
 * counts as missing. A dry run (`forecast`) only notes that it would. */
FALLIBLE input_bring_back(struct session *session, struct str path, struct forecast *forecast);

/* A file in a directory that would be restored, as far as the store has the trees that tell. Of a
 * link only its target would say what is read, and of a directory inputs leave things out: those
 * are not known. */
FALLIBLE input_foresee_part(struct session *session, const struct forecast *forecast,
                            struct str path, struct artifact *ret, bool *ret_known);

/* The stage whose absent output `path` is, is a part of, or holds; or NULL. */
const struct stage *fingerprint_absent_maker(const struct forecast *forecast, struct str path);

/* fingerprint_params.c */
FALLIBLE fingerprint_param(struct session *session, const struct stage *stage,
                           const struct param_ref *reference, const struct forecast *forecast,
                           struct recipe_param *ret);
FALLIBLE fingerprint_params(struct session *session, const struct stage *stage,
                            const struct forecast *forecast, struct recipe *recipe,
                            const struct stage **ret_waits);
FALLIBLE fingerprint_recheck_params(struct session *session, const struct stage *stage,
                                    const struct fingerprint *seen, struct str_vec *ret_changed);
