/**
 * What every part of the template engine knows: its exception, the limits of a render, its result with ranges of the
 * text, and a stable order of maps and sets. Knows no other part.
 */
@Internal
package dev.langchain4j.model.mlx.jinja.common;

import dev.langchain4j.Internal;
