// SPDX-License-Identifier: GPL-3.0-or-later
// Which cases fp-golden.inc was made from.
#pragma once

enum { FP_GOLDEN_CASES = 1280, FP_GOLDEN_SEED = 2024 };
