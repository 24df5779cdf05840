/**
 * What a layer keeps for one running sequence. Entries: {@link dev.langchain4j.model.mlx.kv.LayerCache}, the contract,
 * and its kinds; {@link dev.langchain4j.model.mlx.kv.Snapshot}, what is kept of one;
 * {@link dev.langchain4j.model.mlx.kv.KvFormat}.
 */
@Internal
package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.Internal;
