/**
 * The chat template engine: Jinja with Python's semantics, compiled once per template and rendered from plain Java
 * values.
 *
 * <p>{@link dev.langchain4j.model.mlx.jinja.Template} is its public face. Each part knows only those after it:
 * {@code syntax} parses a source into a {@code tree}, whose nodes look up {@code filters} and compute with the values
 * of {@code python}; all of them know {@code common}, which has the exception, the limits and the result. Nothing here
 * knows of models.
 */
@Internal
package dev.langchain4j.model.mlx.jinja;

import dev.langchain4j.Internal;
