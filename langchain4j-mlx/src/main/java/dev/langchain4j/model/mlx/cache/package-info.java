/**
 * The prompt cache: what a model has computed is kept by its tokens, so that a prompt costs only what is new in it.
 *
 * <p>Entries: {@link dev.langchain4j.model.mlx.cache.PromptCache} and what it takes and gives
 * ({@link dev.langchain4j.model.mlx.cache.CacheRequest}, {@link dev.langchain4j.model.mlx.cache.CacheSession},
 * {@link dev.langchain4j.model.mlx.cache.ReusePlan}), and {@link dev.langchain4j.model.mlx.cache.LayerCache}, the
 * contract of a layer's state. Nothing here knows an architecture, a template or a tokenizer.
 */
package dev.langchain4j.model.mlx.cache;
