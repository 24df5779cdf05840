/**
 * Models of the Hugging Face hub: repository id to snapshot folder, in the cache that huggingface_hub shares. Entries:
 * HuggingFaceHub, DownloadListener, DownloadProgress.
 */
package dev.langchain4j.model.mlx.hub;
