/**
 * From a template's source to its tree: {@code Lexer}, {@code TokenStream}, {@code Parser}.
 */
@Internal
package dev.langchain4j.model.mlx.jinja.syntax;

import dev.langchain4j.Internal;
