/*
 * Maps the configuration to the settings of each part: which key becomes which field, in which unit. Pure,
 * except for settings_tls, which reads the certificate. Results borrow strings from `conf` and memory from
 * `arena`.
 */
#ifndef COID_COID_SETTINGS_H
#define COID_COID_SETTINGS_H

#include "admin/admin.h"
#include "auth/auth.h"
#include "conf/conf.h"
#include "imapd/imapd.h"
#include "lmtp/lmtp.h"
#include "net/tls.h"
#include "store/store.h"
#include "webpush/webpush.h"

void settings_store(const struct conf *conf, struct arena *arena, struct store_settings *ret_settings);
void settings_auth(const struct conf *conf, struct auth_settings *ret_settings);
/* Does not set metadata, coi and the limit of descriptors, which only the server knows. */
void settings_imapd(const struct conf *conf, struct imapd_settings *ret_settings);
void settings_webpush(const struct conf *conf, struct arena *arena, struct webpush_settings *ret_settings);
/* Does not set coi, webpush and the limit of descriptors, which only the server knows. */
void settings_lmtp(const struct conf *conf, struct lmtp_settings *ret_settings);
void settings_admin(const struct conf *conf, struct admin_settings *ret_settings);
/* *ret_tls is NULL if no certificate is configured. Faults of certificate, key or ciphers go to `errors`. */
enum rc settings_tls(const struct conf *conf, struct buf *errors, struct tls_ctx **ret_tls) MUST_CHECK;

#endif
