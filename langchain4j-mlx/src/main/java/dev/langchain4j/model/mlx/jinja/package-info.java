/**
 * The chat template engine: Jinja with Python's semantics, compiled once per template and rendered from plain Java
 * values.
 *
 * <p>This package is its public face: {@link dev.langchain4j.model.mlx.jinja.Template}, {@link
 * dev.langchain4j.model.mlx.jinja.RenderResult}, {@link dev.langchain4j.model.mlx.jinja.TemplateLimits} and {@link
 * dev.langchain4j.model.mlx.jinja.TemplateException}. Each part knows the ones after it: {@code syntax} parses a source
 * into a {@code tree}, whose nodes look up {@code filters} and compute with the values of {@code python}. Nothing here
 * knows of models.
 */
@Internal
package dev.langchain4j.model.mlx.jinja;

import dev.langchain4j.Internal;
