/** Spring Boot's auto-configuration of MLX models; see docs/frameworks.md. */
package dev.langchain4j.model.mlx.spring;
