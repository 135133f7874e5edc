package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// versionWithin bounds what a program takes to tell a version.
const versionWithin = 5 * time.Second

// output is what a program writes to its standard output; empty if it fails.
func output(ctx context.Context, program string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, versionWithin)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

var qemuVersion = regexp.MustCompile(`version (\d\S*)`)

// programVersion asks a QEMU; empty if it does not tell.
func programVersion(ctx context.Context, path string) string {
	m := qemuVersion.FindStringSubmatch(output(ctx, path, "--version"))
	if m == nil {
		return ""
	}
	return m[1]
}

// fileVersion tells the version of a firmware's file, by the package that it is
// of, or by what it says itself; empty if neither is known.
func fileVersion(ctx context.Context, path string) string {
	for _, version := range []func(context.Context, string) string{debianVersion, rpmVersion, ubootVersion} {
		if v := version(ctx, path); v != "" {
			return v
		}
	}
	return ""
}

func debianVersion(ctx context.Context, path string) string {
	owner, _, ok := strings.Cut(output(ctx, "dpkg-query", "--search", path), ": ")
	if !ok {
		return ""
	}
	return output(ctx, "dpkg-query", "--show", "--showformat=${Version}", owner)
}

func rpmVersion(ctx context.Context, path string) string {
	return output(ctx, "rpm", "--query", "--queryformat=%{VERSION}-%{RELEASE}", "--file", path)
}

// ubootBanner is include/version_string.h's. AAVMF keeps its version packed.
var ubootBanner = regexp.MustCompile(`U-Boot (\d{4}\.\d\d\S*)`)

const maxUBoot = 8 << 20 // bytes; Debian's has 1 MB

func ubootVersion(_ context.Context, path string) string {
	return readFile(path, func(f *os.File, _ int64) string {
		data, err := io.ReadAll(io.LimitReader(f, maxUBoot))
		if m := ubootBanner.FindSubmatch(data); err == nil && m != nil {
			return string(m[1])
		}
		return ""
	})
}
