/**
 * Text to tokens and back, and grammars over tokens. Entries: {@link dev.langchain4j.mlx.text.Tokenizer}, {@link
 * dev.langchain4j.mlx.text.GrammarCompiler}.
 */
package dev.langchain4j.mlx.text;
