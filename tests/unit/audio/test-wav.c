// SPDX-License-Identifier: GPL-3.0-or-later
// Sound to a WAV file and from one; files that are none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>

#include "audio/audio.h"

static const VmAudioFormat stereo = {.rate = 48000, .channels = 2};
static const VmAudioFormat other = {.rate = 44100, .channels = 2};

static void
test_round_trip (void **state)
{
  g_autofree char *folder = g_dir_make_tmp ("terrarium-wav-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a.wav", NULL);
  g_autofree char *second = g_build_filename (folder, "b.wav", NULL);
  float frames[200], back[400];
  g_autoptr (GError) error = NULL;

  for (unsigned i = 0; i < G_N_ELEMENTS (frames); i++)
    frames[i] = (float) i / 400;
  Audio *audio = audio_wav_new (path, NULL, &error);
  assert_null (error);
  void *stream = audio->sink_ops->open (audio, false, &stereo);
  assert_non_null (stream);
  assert_null (audio->sink_ops->open (audio, false, &other)); // has another form
  assert_null (audio->sink_ops->open (audio, true, &stereo)); // there is nothing to record
  audio->sink_ops->write (stream, frames, 60);
  audio->sink_ops->close (stream);
  stream = audio->sink_ops->open (audio, false, &stereo); // goes on
  audio->sink_ops->write (stream, frames + 120, 40);
  audio->sink_ops->close (stream);
  audio_free (audio);

  audio = audio_wav_new (second, path, &error);
  assert_null (error);
  stream = audio->sink_ops->open (audio, true, &stereo);
  audio->sink_ops->read (stream, back, 200);
  for (unsigned i = 0; i < 400; i++) // from the end to the start
    assert_true (ABS (back[i] - frames[i % 200]) < 1.0f / 16384);
  audio->sink_ops->close (stream);
  audio_free (audio);
  g_unlink (path);
  g_unlink (second);
  g_rmdir (folder);
}

static void
test_bad_inputs (void **state)
{
  static const struct {
    const char *bytes;
    unsigned length;
  } bad[] = {
      {"", 0},
      {"RIFF", 4},
      {"RIFF....WAVE", 12},
      {"RIFF....WAVEdata\xff\xff\xff\xff", 20},
      {"RIFF....WAVEdata\x04\0\0\0abcd", 24},
      {"RIFF....WAVEfmt \x10\0\0\0\x03\0\x02\0....\0\0\0\0\x04\0\x20\0data\0\0\0\0", 44},
      {"RIFF....WAVEfmt \x10\0\0\0\x01\0\x00\0\x80\xbb\0\0\0\0\0\0\x04\0\x10\0data\x04\0\0\0abcd",
       48},
      {"RIFF....WAVEfmt \x10\0\0\0\x01\0\x02\0\0\0\0\0\0\0\0\0\x04\0\x10\0data\x04\0\0\0abcd", 48},
      {"RIFF....WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\0\0\0\x04\0\x10\0data\x02\0\0\0ab",
       46},
      {"RIFF....WAVEfmt \xff\xff\xff\xff\x01\0\x02\0", 24},
  };
  g_autofree char *folder = g_dir_make_tmp ("terrarium-wav-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a.wav", NULL);
  g_autofree char *output = g_build_filename (folder, "b.wav", NULL);

  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    g_file_set_contents (path, bad[i].bytes, bad[i].length, NULL);
    if (audio_wav_new (output, path, &error) != NULL)
      fail_msg ("file %u was taken", i);
    assert_non_null (strstr (error->message, "a.wav"));
    assert_false (g_file_test (output, G_FILE_TEST_EXISTS));
  }
  g_unlink (path);
  g_rmdir (folder);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_round_trip),
      cmocka_unit_test (test_bad_inputs),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
