/**
 * The chat template engine: Jinja with Python's semantics, compiled once per template and rendered from plain Java
 * values.
 *
 * <p>Entries: {@link dev.langchain4j.model.mlx.jinja.Template}, {@link dev.langchain4j.model.mlx.jinja.RenderResult},
 * {@link dev.langchain4j.model.mlx.jinja.TemplateLimits} and {@link dev.langchain4j.model.mlx.jinja.TemplateException}.
 * A source passes {@code Lexer}, {@code Parser} and {@code Scope} (which turns names into slots); the nodes then
 * evaluate themselves over a {@code Frame}. Values are Java's own where Python has the same ({@code null}, Boolean,
 * Long, BigInteger, Double, String, List) and small classes where it differs ({@code Dict}, {@code Tuple}, {@code
 * Markup}, {@code Undefined}). Nothing here knows of models.
 */
@Internal
package dev.langchain4j.model.mlx.jinja;

import dev.langchain4j.Internal;
