// SPDX-License-Identifier: GPL-3.0-or-later
// What draws with OpenGL: see renderer.h. EGL 1.5 is loaded, not linked: the command line does
// without it. Main thread.
#include "app/cli/renderer.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <gmodule.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cli/complain.h"

enum { PATIENCE_SECONDS = 30, GL_RENDERER_NAME = 0x1f01 };

typedef struct Egl {
  PFNEGLGETPROCADDRESSPROC get_proc_address;
  PFNEGLGETPLATFORMDISPLAYPROC get_platform_display;
  PFNEGLINITIALIZEPROC initialize;
  PFNEGLBINDAPIPROC bind_api;
  PFNEGLCHOOSECONFIGPROC choose_config;
  PFNEGLCREATECONTEXTPROC create_context;
  PFNEGLMAKECURRENTPROC make_current;
} Egl;

typedef const unsigned char *(*GetString) (unsigned name);

static bool
load (Egl *egl)
{
  GModule *module = g_module_open ("libEGL.so.1", G_MODULE_BIND_LAZY);
  const struct {
    const char *name;
    void *place;
  } symbols[] = {
      {"eglGetProcAddress", &egl->get_proc_address},
      {"eglGetPlatformDisplay", &egl->get_platform_display},
      {"eglInitialize", &egl->initialize},
      {"eglBindAPI", &egl->bind_api},
      {"eglChooseConfig", &egl->choose_config},
      {"eglCreateContext", &egl->create_context},
      {"eglMakeCurrent", &egl->make_current},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (symbols); i++) {
    void *symbol = NULL;
    if (module == NULL || !g_module_symbol (module, symbols[i].name, &symbol))
      return false;
    memcpy (symbols[i].place, &symbol, sizeof symbol);
  }
  return true;
}

static const char *
ask (const Egl *egl, EGLenum platform)
{
  static const EGLint wanted[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE,
                                  EGL_OPENGL_ES2_BIT, EGL_NONE};
  static const EGLint version[] = {EGL_CONTEXT_MAJOR_VERSION, 2, EGL_NONE};
  EGLDisplay display = egl->get_platform_display (platform, EGL_DEFAULT_DISPLAY, NULL);
  EGLConfig config;
  EGLint n = 0;

  if (display == EGL_NO_DISPLAY || !egl->initialize (display, NULL, NULL) ||
      !egl->bind_api (EGL_OPENGL_ES_API) || !egl->choose_config (display, wanted, &config, 1, &n) ||
      n == 0)
    return NULL;
  EGLContext context = egl->create_context (display, config, EGL_NO_CONTEXT, version);
  GetString get_string = (GetString) egl->get_proc_address ("glGetString");
  if (context == EGL_NO_CONTEXT || get_string == NULL ||
      !egl->make_current (display, EGL_NO_SURFACE, EGL_NO_SURFACE, context))
    return NULL;
  return (const char *) get_string (GL_RENDERER_NAME);
}

// The session's own display first: of several drivers it decides which one is used.
static const char *
ask_all (const Egl *egl)
{
  const char *name = NULL;

  if (g_getenv ("WAYLAND_DISPLAY") != NULL)
    name = ask (egl, EGL_PLATFORM_WAYLAND_KHR);
  if (name == NULL && g_getenv ("DISPLAY") != NULL)
    name = ask (egl, EGL_PLATFORM_X11_KHR);
  return name != NULL ? name : ask (egl, EGL_PLATFORM_SURFACELESS_MESA);
}

// Ends without cleaning up: drivers are not good at that.
int
cli_renderer (int argc, char **argv)
{
  Egl egl;

  alarm (PATIENCE_SECONDS);
  const char *name = load (&egl) ? ask_all (&egl) : NULL;
  if (name == NULL)
    return CLI_FAILED;
  printf ("%s\n", name);
  fflush (stdout);
  _exit (CLI_OK);
}
