// SPDX-License-Identifier: GPL-3.0-or-later
// Draws a frame with OpenGL 3.2 core or OpenGL ES 3.0: one textured quad made in the vertex
// shader. Pixels go up as they are (0xXXRRGGBB words, little-endian) as RGBA; the fragment shader
// swaps red and blue, which both dialects can.
#include "display/renderer.h"

#include <epoxy/gl.h>

struct DisplayRenderer {
  GLuint program, texture, vertex_array;
  unsigned width, height; // of the texture
};

static const char vertex_source[] =
    "out vec2 at;\n"
    "void main () {\n"
    "  at = vec2 (float (gl_VertexID & 1), float (gl_VertexID >> 1));\n"
    "  gl_Position = vec4 (at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);\n"
    "}\n";
static const char fragment_source[] = "in vec2 at;\n"
                                      "out vec4 colour;\n"
                                      "uniform sampler2D picture;\n"
                                      "void main () {\n"
                                      "  colour = vec4 (texture (picture, at).bgr, 1.0);\n"
                                      "}\n";
static const char core_header[] = "#version 150\n";
static const char es_header[] = "#version 300 es\nprecision highp float;\n";

static bool
compile (GLuint program, GLenum kind, bool es, const char *source, GError **error)
{
  const char *parts[] = {es ? es_header : core_header, source};
  GLuint shader = glCreateShader (kind);
  GLint done = 0;
  char log[512] = "";

  glShaderSource (shader, 2, parts, NULL);
  glCompileShader (shader);
  glGetShaderiv (shader, GL_COMPILE_STATUS, &done);
  if (!done) {
    glGetShaderInfoLog (shader, sizeof log, NULL, log);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "The graphics driver does not accept the display's shader: %s", log);
  }
  glAttachShader (program, shader);
  glDeleteShader (shader);
  return done;
}

static bool
link_program (DisplayRenderer *renderer, bool es, GError **error)
{
  GLint done = 0;

  renderer->program = glCreateProgram ();
  if (!compile (renderer->program, GL_VERTEX_SHADER, es, vertex_source, error) ||
      !compile (renderer->program, GL_FRAGMENT_SHADER, es, fragment_source, error))
    return false;
  glLinkProgram (renderer->program);
  glGetProgramiv (renderer->program, GL_LINK_STATUS, &done);
  if (!done)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "The graphics driver cannot link the display's shaders");
  return done;
}

DisplayRenderer *
display_renderer_new (bool es, GError **error)
{
  DisplayRenderer *renderer = g_new0 (DisplayRenderer, 1);

  if (!link_program (renderer, es, error)) {
    display_renderer_free (renderer);
    return NULL;
  }
  glGenVertexArrays (1, &renderer->vertex_array);
  glGenTextures (1, &renderer->texture);
  glBindTexture (GL_TEXTURE_2D, renderer->texture);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
  return renderer;
}

void
display_renderer_free (DisplayRenderer *renderer)
{
  if (!renderer)
    return;
  glDeleteTextures (1, &renderer->texture);
  glDeleteVertexArrays (1, &renderer->vertex_array);
  glDeleteProgram (renderer->program);
  g_free (renderer);
}

static VmRect
clip (const VmRect *damage, int width, int height)
{
  int left = CLAMP (damage->x, 0, width);
  int top = CLAMP (damage->y, 0, height);
  int right = CLAMP ((int64_t) damage->x + damage->width, left, width);
  int bottom = CLAMP ((int64_t) damage->y + damage->height, top, height);

  return (VmRect){left, top, right - left, bottom - top};
}

void
display_renderer_upload (DisplayRenderer *renderer, VmFrame *frame, const VmRect *damage)
{
  unsigned width = vm_frame_get_width (frame);
  unsigned height = vm_frame_get_height (frame);
  size_t stride = vm_frame_get_stride_bytes (frame);
  VmRect part = clip (damage, (int) width, (int) height);

  glBindTexture (GL_TEXTURE_2D, renderer->texture);
  if (renderer->width != width || renderer->height != height) {
    glTexImage2D (GL_TEXTURE_2D, 0, GL_RGBA8, (GLsizei) width, (GLsizei) height, 0, GL_RGBA,
                  GL_UNSIGNED_BYTE, NULL);
    renderer->width = width;
    renderer->height = height;
    part = (VmRect){0, 0, (int) width, (int) height};
  }
  if (part.width == 0 || part.height == 0)
    return;
  glPixelStorei (GL_UNPACK_ALIGNMENT, 4);
  glPixelStorei (GL_UNPACK_ROW_LENGTH, (GLint) (stride / 4));
  glTexSubImage2D (GL_TEXTURE_2D, 0, part.x, part.y, part.width, part.height, GL_RGBA,
                   GL_UNSIGNED_BYTE,
                   vm_frame_get_pixels (frame) + (size_t) part.y * stride + (size_t) part.x * 4);
  glPixelStorei (GL_UNPACK_ROW_LENGTH, 0);
}

void
display_renderer_draw (DisplayRenderer *renderer, const DisplayTransform *transform)
{
  GLint filter = transform->exact ? GL_NEAREST : GL_LINEAR;

  glClearColor (0, 0, 0, 1);
  glClear (GL_COLOR_BUFFER_BIT);
  if (renderer->width == 0 || transform->width == 0)
    return;
  // GL counts rows from the bottom.
  glViewport (transform->x, transform->widget_height - transform->y - transform->height,
              transform->width, transform->height);
  glDisable (GL_BLEND);
  glUseProgram (renderer->program);
  glBindVertexArray (renderer->vertex_array);
  glActiveTexture (GL_TEXTURE0);
  glBindTexture (GL_TEXTURE_2D, renderer->texture);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, filter);
  glTexParameteri (GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, filter);
  glDrawArrays (GL_TRIANGLE_STRIP, 0, 4);
  glBindVertexArray (0);
  glViewport (0, 0, transform->widget_width, transform->widget_height);
}
