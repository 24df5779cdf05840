/**
 * From JSON schemas, tools and the formats of a model to the grammar of an answer, compiled and cached. Entries:
 * AnswerGrammar, GrammarCache, JsonSchemas.
 */
@Internal
package dev.langchain4j.model.mlx.grammar;

import dev.langchain4j.Internal;
