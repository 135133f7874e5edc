package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestActionInputs: actionlint reads an action only where a workflow uses it. No input
// is ever a part of a shell's text, and each is declared and used.
func TestActionInputs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository, ".github", "actions", "vmspec", "action.yml"))
	require.NoError(t, err)
	var action struct {
		Inputs, Outputs map[string]struct{ Description, Default, Value string }
		Runs            struct {
			Using string
			Steps []struct {
				ID, If, Uses, Shell, Run string
				Env, With                map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &action))
	require.Equal(t, "composite", action.Runs.Using)
	used := map[string]bool{}
	input := regexp.MustCompile(`inputs\.(\w+)`)
	for _, step := range action.Runs.Steps {
		require.NotContains(t, step.Run, "${{")
		if step.Run != "" {
			require.NotEmpty(t, step.Shell, step.Run)
		}
		texts := []string{step.If}
		for _, of := range []map[string]string{step.Env, step.With} {
			for _, text := range of {
				texts = append(texts, text)
			}
		}
		for _, text := range texts {
			for _, name := range input.FindAllStringSubmatch(text, -1) {
				require.Contains(t, action.Inputs, name[1])
				used[name[1]] = true
			}
		}
	}
	for name, in := range action.Inputs {
		require.True(t, used[name], name)
		require.NotEmpty(t, in.Description, name)
	}
	for _, name := range []string{"verdict", "report"} {
		require.Contains(t, action.Outputs[name].Value, "steps.run.outputs."+name)
	}
}
