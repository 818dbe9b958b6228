//go:build tools

// Package actionlint pins the linter of GitHub's workflows as a Go module dependency.
package actionlint

import _ "github.com/rhysd/actionlint/cmd/actionlint"
