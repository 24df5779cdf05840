/**
 * What an answer may go on with, so that several tokens can be checked in one forward pass.
 *
 * <p>Entries: {@link dev.langchain4j.model.mlx.draft.Drafter} and its kinds, {@link
 * dev.langchain4j.model.mlx.draft.DraftPolicy}; for users {@link dev.langchain4j.model.mlx.draft.DraftKind} and {@link
 * dev.langchain4j.model.mlx.draft.DraftCounts}. Knows tokens only.
 */
package dev.langchain4j.model.mlx.draft;
