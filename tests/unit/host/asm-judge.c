// SPDX-License-Identifier: GPL-3.0-or-later
// The outside judge: runs objdump once over all code that a test emitted, and as once over all
// the text that was expected.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/host/asm-judge.h"

enum { FAULTS_SHOWN = 12 };

static void
reset (Judge *judge)
{
  judge->a = (X64Asm){.p = judge->code, .end = judge->code + JUDGE_CODE_BYTES};
  judge->seen = 0;
  g_array_set_size (judge->insns, 0);
}

static void
clear_insn (void *insn)
{
  g_free (((JudgeInsn *) insn)->text);
}

void
judge_init (Judge *judge, const char *objdump, const char *as)
{
  *judge = (Judge){
      .code = g_malloc (JUDGE_CODE_BYTES),
      .insns = g_array_new (FALSE, FALSE, sizeof (JudgeInsn)),
      .objdump = objdump,
      .as = as,
  };
  g_array_set_clear_func (judge->insns, clear_insn);
  reset (judge);
}

void
judge_clear (Judge *judge)
{
  g_free (judge->code);
  g_array_unref (judge->insns);
}

static JudgeInsn *
insn_at (Judge *judge, unsigned index)
{
  return &g_array_index (judge->insns, JudgeInsn, index);
}

static unsigned
insn_bytes (Judge *judge, unsigned index)
{
  unsigned end = index + 1 < judge->insns->len ? insn_at (judge, index + 1)->offset : judge->seen;

  return end - insn_at (judge, index)->offset;
}

void
judge_expect (Judge *judge, const char *format, ...)
{
  JudgeInsn insn = {.offset = judge->seen};
  unsigned bytes;
  va_list args;

  va_start (args, format);
  insn.text = g_strdup_vprintf (format, args);
  va_end (args);
  g_array_append_val (judge->insns, insn);
  judge->seen = (unsigned) (judge->a.p - judge->code);
  assert_false (judge->a.overflow);
  bytes = judge->seen - insn.offset;
  if (bytes == 0 || bytes > X64_INSN_MAX)
    fail_msg ("%s: %u bytes", insn.text, bytes);
}

void
judge_excuse_length (Judge *judge)
{
  insn_at (judge, judge->insns->len - 1)->long_for_as = true;
}

// A file of its own with these bytes.
static char *
temporary (const void *bytes, size_t length)
{
  char *name = NULL;
  int fd = g_file_open_tmp ("terrarium-asm-XXXXXX", &name, NULL);

  assert_true (fd >= 0);
  assert_int_equal (write (fd, bytes, length), length);
  close (fd);
  return name;
}

static char *
run (const char *const *argv)
{
  char *out = NULL, *err = NULL;
  int status;
  GError *error = NULL;

  if (!g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                     &status, &error))
    fail_msg ("%s", error->message);
  if (!g_spawn_check_wait_status (status, NULL))
    fail_msg ("%s: %.600s", argv[0], err);
  g_free (err);
  return out;
}

// "add    rax,[rip+0x5]  # 0x1234" to "add rax,[rip->0x1234]".
static char *
normalized (char *text)
{
  char *comment = strstr (text, " # 0x"), *rip = strstr (text, "[rip");
  GString *out = g_string_new ("");

  if (comment != NULL)
    *comment = '\0';
  for (const char *from = text; *from != '\0'; from++) {
    if (from == rip && comment != NULL) {
      g_string_append_printf (out, "[rip->%.*s]", (int) strcspn (comment + 3, " "), comment + 3);
      from = strchr (from, ']');
    } else if (*from != ' ' || (from[1] != ' ' && from[1] != '\0')) {
      g_string_append_c (out, *from);
    }
  }
  return g_string_free (out, FALSE);
}

// The next "  1f:\ttext" of objdump's output, normalised; NULL at the end.
static char *
next_line (char **at, unsigned *offset)
{
  while (**at != '\0') {
    char *line = *at, *end = strchrnul (line, '\n'), *colon;

    *at = *end == '\0' ? end : end + 1;
    *end = '\0';
    colon = strstr (line, ":\t");
    if (line[0] != ' ' || colon == NULL)
      continue;
    *offset = (unsigned) strtoul (line, NULL, 16);
    return normalized (colon + 2);
  }
  return NULL;
}

static void
print_bytes (Judge *judge, unsigned index)
{
  const uint8_t *from = judge->code + insn_at (judge, index)->offset;

  for (const uint8_t *end = from + insn_bytes (judge, index); from < end; from++)
    print_error ("%02x ", *from);
}

static void
compare_meaning (Judge *judge)
{
  char *file = temporary (judge->code, judge->seen);
  const char *argv[] = {
      judge->objdump,       "-D", "-b", "binary", "-mi386:x86-64", "-Mintel", "-w",
      "--no-show-raw-insn", file, NULL};
  char *out = run (argv), *at = out;
  unsigned faults = 0, offset = 0;

  g_unlink (file);
  for (unsigned i = 0; i < judge->insns->len && faults < FAULTS_SHOWN; i++) {
    JudgeInsn *insn = insn_at (judge, i);
    g_autofree char *text = next_line (&at, &offset);

    if (g_strcmp0 (text, insn->text) == 0 && offset == insn->offset)
      continue;
    print_bytes (judge, i);
    print_error ("\n  is      %s\n  not     %s\n", text == NULL ? "nothing" : text, insn->text);
    faults++;
    if (offset != insn->offset)
      break;
  }
  g_free (out);
  g_free (file);
  if (faults > 0)
    fail_msg ("instructions are not what was meant");
}

// objdump's view of what as makes of the text. A RIP-relative address becomes any other one.
static char *
assembled (Judge *judge)
{
  GString *source = g_string_new (".intel_syntax noprefix\n");
  g_autofree char *object = temporary ("", 0), *in = NULL;
  const char *assemble[] = {judge->as, "--64", "-O2", "-o", object, NULL, NULL};
  const char *list[] = {judge->objdump, "-d", "-w", "--no-show-raw-insn", object, NULL};
  char *out;

  for (unsigned i = 0; i < judge->insns->len; i++) {
    const char *text = insn_at (judge, i)->text, *rip = strstr (text, "rip->");

    if (rip != NULL)
      g_string_append_printf (source, "%.*srip%s\n", (int) (rip - text), text, strchr (rip, ']'));
    else
      g_string_append_printf (source, "%s\n", text);
  }
  in = temporary (source->str, source->len);
  g_string_free (source, TRUE);
  assemble[5] = in;
  g_free (run (assemble));
  out = run (list);
  g_unlink (in);
  g_unlink (object);
  return out;
}

static void
compare_lengths (Judge *judge)
{
  g_autofree char *out = assembled (judge);
  char *at = out;
  unsigned faults = 0, offset = 0, next = 0;

  g_free (next_line (&at, &offset));
  for (unsigned i = 0; i + 1 < judge->insns->len && faults < FAULTS_SHOWN; i++, offset = next) {
    g_autofree char *text = next_line (&at, &next);

    assert_non_null (text);
    if (insn_bytes (judge, i) <= next - offset || insn_at (judge, i)->long_for_as)
      continue;
    print_bytes (judge, i);
    print_error ("\n  %s: %u bytes would do\n", insn_at (judge, i)->text, next - offset);
    faults++;
  }
  if (faults > 0)
    fail_msg ("encodings are longer than need be");
}

void
judge_decide (Judge *judge)
{
  compare_meaning (judge);
  compare_lengths (judge);
  reset (judge);
}

static char *
slot (void)
{
  static char slots[JUDGE_TEXTS][64];
  static unsigned next;

  return slots[next++ % JUDGE_TEXTS];
}

const char *
reg_text (unsigned bits, unsigned reg)
{
  static const char *const low[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
  static const char *const byte[] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
  char *text = slot ();

  if (reg >= 8)
    sprintf (text, "r%u%s", reg, bits == 8 ? "b" : bits == 16 ? "w" : bits == 32 ? "d" : "");
  else if (bits == 8)
    return byte[reg];
  else
    sprintf (text, "%s%s", bits == 16 ? "" : bits == 32 ? "e" : "r", low[reg]);
  return text;
}

const char *
vec_text (unsigned bytes, unsigned reg)
{
  char *text = slot ();

  sprintf (text, "%cmm%u", bytes == 64 ? 'z' : bytes == 32 ? 'y' : 'x', reg);
  return text;
}

// 0 bytes: without a size, as lea has it.
static const char *
size_text (unsigned bytes)
{
  switch (bytes) {
  case 0:
    return "";
  case 1:
    return "BYTE PTR ";
  case 2:
    return "WORD PTR ";
  case 4:
    return "DWORD PTR ";
  case 8:
    return "QWORD PTR ";
  case 16:
    return "XMMWORD PTR ";
  case 32:
    return "YMMWORD PTR ";
  default:
    return "ZMMWORD PTR ";
  }
}

const char *
mem_text (Judge *judge, unsigned bytes, X64Mem mem)
{
  char *text = slot (), base[8] = "", index[16] = "", disp[16] = "";
  bool has_base = !(mem.base & X64_BASE_SPECIAL);

  if (mem.base == X64_BASE_RIP) {
    sprintf (text, "%s[rip->0x%x]", size_text (bytes),
             (uint32_t) mem.disp - (uint32_t) (uintptr_t) judge->code);
    return text;
  }
  if (has_base)
    g_strlcpy (base, reg_text (64, (unsigned) mem.base), sizeof base);
  if (mem.index != X64_INDEX_NONE)
    g_snprintf (index, sizeof index, "%s%s*%u", has_base ? "+" : "",
                reg_text (64, (unsigned) mem.index), 1u << mem.scale_log2);
  if (mem.disp != 0 || !has_base || (mem.base & 7) == X64_RBP)
    g_snprintf (disp, sizeof disp, "%c0x%x", mem.disp < 0 ? '-' : '+',
                mem.disp < 0 ? -(uint32_t) mem.disp : (uint32_t) mem.disp);
  sprintf (text, "%s[%s%s%s]", size_text (bytes), base, index, disp);
  return text;
}

const char *
imm_text (unsigned bits, int64_t imm)
{
  char *text = slot ();

  sprintf (text, "0x%" PRIx64, (uint64_t) imm << (64 - bits) >> (64 - bits));
  return text;
}
