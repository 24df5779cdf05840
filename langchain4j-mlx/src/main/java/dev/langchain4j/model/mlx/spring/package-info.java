/** Spring Boot's auto-configuration of MLX models; see docs/integration.md. */
package dev.langchain4j.model.mlx.spring;
