/* SPDX-License-Identifier: Apache-2.0
 *
 * names.h - in an archive all external names are everybody's: those that are
 * not the library's own begin with impel_ecs_ there.  Included by the compiler
 * before everything else (local.mk).
 */
#ifndef IMPEL_ECSTREAM_NAMES_H
#define IMPEL_ECSTREAM_NAMES_H

#define answer_all impel_ecs_answer_all
#define answer_confirm impel_ecs_answer_confirm
#define answer_confirm_tag impel_ecs_answer_confirm_tag
#define answer_take impel_ecs_answer_take
#define frame_begin impel_ecs_frame_begin
#define frame_blob impel_ecs_frame_blob
#define frame_end impel_ecs_frame_end
#define frame_flush impel_ecs_frame_flush
#define frame_gather impel_ecs_frame_gather
#define frame_head impel_ecs_frame_head
#define frame_is_done impel_ecs_frame_is_done
#define frame_octets impel_ecs_frame_octets
#define frame_out_fini impel_ecs_frame_out_fini
#define frame_put impel_ecs_frame_put
#define frame_put_text impel_ecs_frame_put_text
#define frame_put_u16 impel_ecs_frame_put_u16
#define frame_put_u32 impel_ecs_frame_put_u32
#define frame_put_u64 impel_ecs_frame_put_u64
#define frame_put_u8 impel_ecs_frame_put_u8
#define frame_room impel_ecs_frame_room
#define frame_set_u16 impel_ecs_frame_set_u16
#define frame_text impel_ecs_frame_text
#define frame_u16 impel_ecs_frame_u16
#define frame_u32 impel_ecs_frame_u32
#define frame_u64 impel_ecs_frame_u64
#define frame_u8 impel_ecs_frame_u8
#define letter_add impel_ecs_letter_add
#define letter_again impel_ecs_letter_again
#define letter_free impel_ecs_letter_free
#define letter_may_send impel_ecs_letter_may_send
#define letter_new impel_ecs_letter_new
#define letter_put_off impel_ecs_letter_put_off
#define letter_return_all impel_ecs_letter_return_all
#define letter_send_all impel_ecs_letter_send_all
#define letter_take impel_ecs_letter_take
#define letter_trim impel_ecs_letter_trim
#define plug_close impel_ecs_plug_close
#define plug_connected impel_ecs_plug_connected
#define plug_dial impel_ecs_plug_dial
#define plug_has_input impel_ecs_plug_has_input
#define plug_init impel_ecs_plug_init
#define plug_read impel_ecs_plug_read
#define plug_skip impel_ecs_plug_skip
#define plug_take impel_ecs_plug_take
#define plug_tls_close impel_ecs_plug_tls_close
#define plug_tls_free impel_ecs_plug_tls_free
#define plug_tls_has_input impel_ecs_plug_tls_has_input
#define plug_tls_new impel_ecs_plug_tls_new
#define plug_tls_read impel_ecs_plug_tls_read
#define plug_tls_shake impel_ecs_plug_tls_shake
#define plug_tls_start impel_ecs_plug_tls_start
#define plug_tls_wants impel_ecs_plug_tls_wants
#define plug_tls_write impel_ecs_plug_tls_write
#define plug_write impel_ecs_plug_write
#define stream_clock impel_ecs_stream_clock
#define stream_error impel_ecs_stream_error
#define stream_fail impel_ecs_stream_fail
#define stream_log impel_ecs_stream_log
#define stream_lose impel_ecs_stream_lose
#define tags_add impel_ecs_tags_add
#define tags_find impel_ecs_tags_find
#define tags_fini impel_ecs_tags_fini
#define tags_next impel_ecs_tags_next
#define tags_remove impel_ecs_tags_remove
#define taking_hello impel_ecs_taking_hello
#define taking_run impel_ecs_taking_run

#endif
