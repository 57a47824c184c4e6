"""What a project is made of: one module per kind of resource.

`desired()` says what should be, `apply()` makes it so and may be repeated at any time; both look whose a
thing is before they touch it. In order of making: repository, template, namespace, guardrails, credentials,
git_repository, kustomization; each one stands on those before it.
"""
