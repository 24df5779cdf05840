/**
 * The prompt cache: what a model has computed is kept by its tokens, so that a prompt costs only what is new in it.
 *
 * <p>Entries: {@link dev.langchain4j.model.mlx.cache.PromptCache} and what it takes and gives
 * ({@link dev.langchain4j.model.mlx.cache.CacheRequest}, {@link dev.langchain4j.model.mlx.cache.CacheSession},
 * {@link dev.langchain4j.model.mlx.cache.ReusePlan}). Layers are known by their contract
 * ({@link dev.langchain4j.model.mlx.kv.LayerCache}) only; nothing here knows an architecture, a template or a
 * tokenizer.
 */
package dev.langchain4j.model.mlx.cache;
