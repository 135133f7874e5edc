package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"vmspec/results/published"
)

// publishedFolders are the results in this repository.
var publishedFolders = filepath.Join("..", "..", "results", "published")

// Every log that is published says what it said. What is read otherwise now is
// listed, with what it was read by: mend the reader, or publish the log anew.
func TestPublished(t *testing.T) {
	all, err := published.ReadAll(os.DirFS(publishedFolders))
	require.NoError(t, err)
	require.NotEmpty(t, all)
	quiet := &cobra.Command{}
	quiet.SetErr(io.Discard)
	for _, f := range all {
		for _, l := range f.Logs {
			now, err := storedVerdicts(quiet, filepath.Join(publishedFolders, f.Name, l.File))
			require.NoError(t, err)
			require.Len(t, now, len(l.Verdicts))
			var changed []string
			for profile, was := range l.Verdicts {
				for _, c := range was.Changes(now[profile]) {
					changed = append(changed, fmt.Sprintf("%s/%s by %s: %s", f.Name, l.File, profile, c))
				}
			}
			require.Empty(t, strings.Join(changed, "\n"), "stored by %s, read by %s", f.Suite, judgedBy())
		}
	}
}
