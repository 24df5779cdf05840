/** MLX language models inside the JVM for LangChain4j. */
package dev.langchain4j.model.mlx;
