# What people type. Everything that is built lies in build/ and bin/, but for
# npm's packages.

TARGET  ?= qemu-virt-uefi
# More flags for go test, such as -v.
TESTFLAGS ?=
# Test programs are linked without what debuggers read, in two thirds of the time.
TESTLINK := -ldflags '-s -w'
# Tests of cmd/vmspec at once; its VMs are fewer.
PARALLEL := $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 2)
ARCH    ?= $(if $(findstring 32,$(TARGET)),arm,arm64)
# A kernel image and module tree of your own, in place of Debian's.
KERNEL  ?=
MODULES ?=
# The kernel's reader of reports, in place of that of Debian's linux-source.
LINUX   := build/linux-source
KUNIT   ?= $(LINUX)/tools/testing/kunit/kunit.py
# The folder with LAVA's dispatcher.
LAVA    := build/lava
# The bindings of device trees as dt-validate reads them.
SCHEMA  ?= build/dt-schema.json

ifeq ($(KERNEL),)
GUEST := build/$(ARCH)
IMAGE := build/vmspec.img
else
GUEST := build/$(ARCH)-own
IMAGE := $(GUEST)/vmspec.img
endif
# Whether TARGET boots from the disk image.
ON_DISK := $(findstring image,$(TARGET))$(findstring uboot,$(TARGET))

# What runs below its guest: xen or kvm; empty for a target that QEMU alone runs.
HYPERVISOR := $(filter xen kvm,$(firstword $(subst -, ,$(TARGET))))

VERSION := $(shell sed -n 's/^const Version = "\(.*\)"$$/\1/p' suite/suite.go)

export CGO_ENABLED := 0
# In all that is built, so that nothing is compiled twice.
export GOFLAGS := $(GOFLAGS) -trimpath
GOSOURCES := $(shell find suite probes cmd initramfs results -name '*.go' -o -name '*.s') go.mod go.sum
NPM := cmd/vmspec/testdata/consumers
AXE := results/html
SAY := printf 'vmspec: %s\n' >&2

.PHONY: run test boot-tests other-tests distros hypervisors libvirt faults image-boots series matrix machines mutants soak trees consumers pages site man bench golden check build guest image release release-check action-check clean modules tools image-tools test-tools others-tools consumers-tools pages-tools distros-tools machines-tools libvirt-tools

run: tools bin/vmspec $(GUEST)/initramfs.cpio.lz4 $(if $(ON_DISK),$(IMAGE)) $(if $(findstring both,$(TARGET)),$(GUEST)/grub/.fetched) $(if $(HYPERVISOR),build/arm64/$(HYPERVISOR)/host.cpio.lz4)
	@bin/vmspec run --guest $(GUEST) $(if $(ON_DISK),--image $(IMAGE)) $(TARGET)

# Everything CI runs. A boot test that would be skipped fails. VMs wait a fifth of
# their time, for a clock's second or a host that answers late: so there is one more
# than there are cores, and what needs no VM runs with what they leave of the machine.
test: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4 build/vmspec.img build/arm64/grub/.fetched
	@$(MAKE) --no-print-directory -j2 boot-tests other-tests

boot-tests: | modules
	VMSPEC_BOOT=1 go test -vet=off $(TESTLINK) -timeout 15m -parallel $(PARALLEL) $(TESTFLAGS) ./cmd/vmspec

other-tests: | modules
	@nice -n 19 $(MAKE) --no-print-directory check
	VMSPEC_BOOT=1 nice -n 19 go test -vet=off $(TESTLINK) -timeout 15m $(TESTFLAGS) $$(go list ./... | grep -vx vmspec/cmd/vmspec)

# Tries both commands on releases of Debian, each bootstrapped into a folder; as
# root. By hand: .ci/distros DIR sid:run,test
distros: distros-tools
	@.ci/distros build/.distros bookworm:run trixie:run,test sid:run

# Xen and KVM below the guest, each target and variant to a whole report: two
# kernels boot in each. Logs and records are left in build/hypervisors.
hypervisors: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4 build/arm/initramfs.cpio.lz4 build/arm64/xen/host.cpio.lz4 build/arm64/kvm/host.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_HYPERVISORS='$(abspath build/hypervisors)' go test -count=1 -timeout 90m -v -run Hypervisors ./cmd/vmspec

# What the page about libvirt says, in libvirt's QEMU driver, as an ordinary user: by
# virsh console with hotplug, and by virt-install. Logs are left in build/libvirt.
libvirt: libvirt-tools bin/vmspec build/arm64/initramfs.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_LIBVIRT='$(abspath build/libvirt)' go test -count=1 -timeout 30m -v -run Libvirt ./cmd/vmspec

# What CI runs a handful of: every subject of a guest broken in every way, and
# QEMU killed at 50 moments, and killed, frozen or in a panic in each trial that is a
# risk; and hotplug by hosts of every kind. And a long log broken at every byte.
faults: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_FAULTS=1 go test -count=1 -timeout 30m -v -run 'Fault|Killed|Stopped|Panicked|Hotplug' ./cmd/vmspec
	VMSPEC_FAULTS=1 go test -count=1 -timeout 30m -run FaultsOfALongLog ./results

# The disk image with disks of every kind, GICv2, little memory, sectors of 4096
# bytes, and after U-Boot wrote to it; CI boots it once with each firmware. Then
# images by those of others' tools that are installed, with both firmwares.
image-boots: test-tools others-tools bin/vmspec build/vmspec.img
	VMSPEC_BOOT=1 VMSPEC_IMAGES=1 go test -count=1 -timeout 30m -v -run 'Image|Boot32' ./cmd/vmspec

# Powers VMs on several times, with a variable store of each kind; CI does so with one.
series: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4 build/vmspec.img
	VMSPEC_BOOT=1 VMSPEC_SERIES=1 go test -count=1 -timeout 60m -v -run Series ./cmd/vmspec

# All boots that the specification needs, merged by each profile.
matrix: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4 build/arm/initramfs.cpio.lz4 build/vmspec.img build/arm64/grub/.fetched
	VMSPEC_BOOT=1 VMSPEC_MATRIX=1 go test -count=1 -timeout 30m -v -run MatrixOf ./cmd/vmspec

# Machines that QEMU has and that are VMs to somebody, with the verdict expected of each:
# NUMA, SMMU, MTE, TPM and others, by tree and by ACPI.
machines: test-tools machines-tools bin/vmspec build/arm64/initramfs.cpio.lz4 build/arm64-cloud/initramfs.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_MACHINES=1 go test -count=1 -timeout 60m -v -run Machines ./cmd/vmspec

# Breaks a machine, an image or a log in every way that the table of mutants has, and
# every check: a matrix of what killed which, and build/mutants.json. CI boots eight.
mutants: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4 build/arm/initramfs.cpio.lz4 build/vmspec.img
	VMSPEC_CODE_MUTANTS='$(abspath build/mutants-code.json)' go test -count=1 -run 'CodeMutants|EveryRequirementCatches|Table' ./suite
	VMSPEC_BOOT=1 VMSPEC_MUTANTS=1 VMSPEC_CODE_MUTANTS='$(abspath build/mutants-code.json)' \
		go test -count=1 -timeout 30m -run 'BootMutants|LiveRows' ./cmd/vmspec; status=$$?; cat build/mutants.txt; exit $$status

# Boots virtual machines with a device of each kind while every core is busy,
# and counts the points that are judged otherwise than on a quiet machine.
SOAK ?= 60
soak: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_SOAK=$(SOAK) go test -count=1 -timeout 180m -v -run Soak ./cmd/vmspec

# What CI runs two of: a boot by each of the device trees broken by hand.
trees: test-tools bin/vmspec build/arm64/initramfs.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_TREES=1 go test -count=1 -timeout 30m -v -run 'Trees' ./cmd/vmspec

# Others' readers of reports, beside prove, and of device trees; and LAVA's own
# dispatcher, which boots two targets. What CI does not run: npm is 340 packages, and
# for the kernel's kunit.py and bindings 140 MB are fetched once.
consumers: consumers-tools test-tools build/npm $(KUNIT) $(SCHEMA) $(LAVA)/lava-run bin/vmspec build/arm64/initramfs.cpio.lz4
	VMSPEC_BOOT=1 VMSPEC_LAVA='$(abspath $(LAVA))' go test -count=1 -timeout 30m -run LAVA -v ./cmd/vmspec
	VMSPEC_KUNIT='$(abspath $(KUNIT))' VMSPEC_TAP_PARSER='$(abspath $(NPM)/node_modules/.bin/tap-parser)' VMSPEC_JUNITPARSER=1 \
		go test -count=1 -timeout 30m -run 'KUnit|TapParser|JUnitParser' ./cmd/vmspec
	VMSPEC_DT_SCHEMA='$(abspath $(SCHEMA))' go test -count=1 -timeout 30m -run DTValidate -v ./probes/fdt

# The page of a report in a browser: filter, search, unfold, permalink, without
# scripts; no error, no request, nothing that axe-core finds inaccessible. Pictures of
# it, at 1280 and 390 pixels, light and dark, are left in build/pages.
pages: pages-tools build/axe
	@mkdir -p build/pages
	go vet -tags pages ./results/html
	VMSPEC_AXE='$(abspath $(AXE)/node_modules/axe-core/axe.min.js)' VMSPEC_SHOTS='$(abspath build/pages)' \
		go test -count=1 -tags pages -timeout 60m -v ./results/html

# The site of the results that are published.
site: bin/vmspec
	@bin/vmspec site results/published -o build/site $(if $(wildcard build/mutants.json),--mutants build/mutants.json)

# Manual pages, for who packs vmspec.
man: bin/vmspec
	@bin/vmspec man build/man

# What a boot costs, medians of 15 rounds: seconds that the suite adds to the same VM
# with an init that only powers off, and the VMM's CPU time as a ratio; and in
# percent, what frames add.
bench: tools bin/vmspec build/arm64/initramfs.cpio.lz4
	go test -run '^$$' -bench 'Boot|Size' -benchtime 15x ./cmd/vmspec
	go test -run '^$$' -bench Floor -benchtime 1x ./cmd/vmspec

# Writes the golden files anew; git diff then shows what changed.
golden: modules
	go test ./suite ./probes ./cmd/vmspec/internal/target -update
	go test ./cmd/vmspec -run TestTextOfGuests -update
	go test ./results -run TestGoldenFormats -update

# For other machines make test vets, in suite/machines_test.go; linked is what is
# shipped.
check: modules
	@test -z "$$(gofmt -l suite probes cmd initramfs results)" || { gofmt -d suite probes cmd initramfs results; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go tool actionlint

build: bin/vmspec

guest: $(GUEST)/initramfs.cpio.lz4

image: $(IMAGE)

# What a vendor needs who has no toolchain, in one archive; prints what changed since
# the last release (vmspec help contribute). The same tree, Go and packages give the
# same bytes.
release: build/release/vmspec-$(VERSION).tar.gz

# Makes the release twice, each from a clean tree, and boots what is in it.
release-check: test-tools release
	VMSPEC_BOOT=1 VMSPEC_RELEASE=1 go test -count=1 -timeout 30m -v -run Release ./cmd/vmspec

# The steps of the GitHub action in a clean system, bootstrapped into a folder, as root:
# a release of what this machine's own packages come from.
ACTION_SYSTEM ?= trixie
action-check: distros-tools release
	@.ci/action build/.distros $(ACTION_SYSTEM) build/release/vmspec-$(VERSION).tar.gz

clean:
	rm -rf build bin $(NPM)/node_modules $(AXE)/node_modules

modules:
	@.ci/modules

bin/vmspec: $(GOSOURCES) | modules
	@$(SAY) 'building $@' && go build -o $@ ./cmd/vmspec 1>&2

# Of Debian's kernel the suite boots both.
ARCHS := arm64 arm

$(ARCHS:%=build/%/init): build/%/init: $(GOSOURCES) | modules
	@$(SAY) 'building $@' && GOOS=linux GOARCH=$* $(BUILD_INIT)
build/$(ARCH)-own/init: $(GOSOURCES) | modules
	@$(SAY) 'building $@' && GOOS=linux GOARCH=$(ARCH) $(BUILD_INIT)
BUILD_INIT = go build -buildvcs=false -ldflags '-s -w' -o $@ ./cmd/init 1>&2

$(ARCHS:%=build/%/kernel/.fetched): build/%/kernel/.fetched: | bin/vmspec
	@bin/vmspec kernel --arch $* --dir $(@D)
	@touch $@

# What runs a hypervisor below the guest, with Debian's kernel.
HOSTS := build/arm64/xen/host.cpio.lz4 build/arm64/kvm/host.cpio.lz4
$(HOSTS): build/arm64/%/host.cpio.lz4: build/arm64/kernel/.fetched $(wildcard initramfs/hosts/*/*) | bin/vmspec
	@bin/vmspec hypervisor $* --dir $(@D)

# Written anew only when it says something else, so that nothing is rebuilt in vain.
build/$(ARCH)-own/inputs: FORCE
	@mkdir -p $(@D)
	@echo '$(KERNEL) $(MODULES)' | cmp -s - $@ || echo '$(KERNEL) $(MODULES)' > $@
FORCE:

$(ARCHS:%=build/%/initramfs.cpio.lz4): build/%/initramfs.cpio.lz4: build/%/init build/%/kernel/.fetched | bin/vmspec
	@bin/vmspec guest --init $< --debian build/$*/kernel --out $(@D)

# Debian's other kernel, which drives what the plain one does not.
build/arm64-cloud/kernel/.fetched: | bin/vmspec
	@bin/vmspec kernel --arch arm64-cloud --dir $(@D)
	@touch $@
build/arm64-cloud/initramfs.cpio.lz4: build/arm64/init build/arm64-cloud/kernel/.fetched | bin/vmspec
	@bin/vmspec guest --init $< --debian build/arm64-cloud/kernel --out $(@D)

build/$(ARCH)-own/initramfs.cpio.lz4: build/$(ARCH)-own/init build/$(ARCH)-own/inputs $(KERNEL) | bin/vmspec
	@bin/vmspec guest --init $< --image '$(KERNEL)' --modules '$(MODULES)' --out $(@D)

$(ARCHS:%=build/%/loader/.fetched): build/%/loader/.fetched: | bin/vmspec
	@bin/vmspec image loader --arch $* --dir $(@D)
	@touch $@

# GRUB, which can hand over a device tree beside ACPI.
build/arm64/grub/.fetched build/arm64-own/grub/.fetched: | bin/vmspec
	@bin/vmspec image loader --arch arm64-grub --dir $(@D)
	@touch $@

# One image for both; with a kernel of your own, for that alone.
build/vmspec.img: $(foreach arch,$(ARCHS),build/$(arch)/initramfs.cpio.lz4 build/$(arch)/loader/.fetched) | bin/vmspec image-tools
	@bin/vmspec image build --guest32 build/arm -o $@

build/arm64-own/vmspec.img: build/arm64-own/initramfs.cpio.lz4 build/arm64/loader/.fetched | bin/vmspec
	@bin/vmspec image build --guest $(@D) -o $@

PROGRAMS := $(addprefix build/release/bin/vmspec-,linux-amd64 linux-arm64 darwin-amd64 darwin-arm64)

$(PROGRAMS): build/release/bin/vmspec-%: $(GOSOURCES) | modules
	@$(SAY) 'building $@' && GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) \
		go build -buildvcs=false -ldflags '-s -w' -o $@ ./cmd/vmspec 1>&2

build/release/vmspec-$(VERSION).tar.gz: .ci/release .ci/release-run bin/vmspec $(PROGRAMS) build/vmspec.img
	@.ci/release $(@:.tar.gz=)

# Anew when the packages are gone, too.
build/npm: $(NPM)/package.json $(NPM)/package-lock.json $(if $(wildcard $(NPM)/node_modules),,FORCE) | consumers-tools
	@$(SAY) 'fetching tap-parser'
	@cd $(NPM) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --no-progress >/dev/null
	@mkdir -p $(@D)
	@touch $@

build/axe: $(AXE)/package.json $(AXE)/package-lock.json $(if $(wildcard $(AXE)/node_modules),,FORCE) | pages-tools
	@$(SAY) 'fetching axe-core'
	@cd $(AXE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --no-progress >/dev/null
	@mkdir -p $(@D)
	@touch $@

$(LINUX)/tools/testing/kunit/kunit.py: | consumers-tools
	@.ci/linux-source $(LINUX)

$(LAVA)/lava-run: .ci/lava | consumers-tools
	@.ci/lava $(LAVA)

build/dt-schema.json: $(LINUX)/tools/testing/kunit/kunit.py | consumers-tools
	@$(SAY) 'reading the bindings of device trees'
	@dt-mk-schema -j -o $@.new $(LINUX)/Documentation/devicetree/bindings && mv $@.new $@

# What each verb needs beside Go: a program or file, and Debian's package.
# A test holds the files of firmware against internal/target/firmware.go.
UEFI_FILES := /usr/share/AAVMF/AAVMF_CODE.fd|/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd|/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw|/usr/share/edk2/aarch64/QEMU_CODE.fd|/opt/homebrew/share/qemu/edk2-aarch64-code.fd
UEFI32_FILES := /usr/share/AAVMF/AAVMF32_CODE.fd|/usr/share/edk2/arm/QEMU_EFI-pflash.raw
# Of these a run needs what its target does, by .ci/costs.
RUN_NEEDS := qemu-system-$(if $(findstring 32,$(TARGET)),arm,aarch64)=qemu-system-arm '$(UEFI_FILES)=qemu-efi-aarch64' '$(UEFI32_FILES)=qemu-efi-arm' \
	/usr/lib/u-boot/qemu_arm64/u-boot.bin=u-boot-qemu
IMAGE_NEEDS := grub-mkimage=grub-common
TEST_NEEDS := qemu-system-aarch64=qemu-system-arm qemu-system-arm=qemu-system-arm $(RUN_NEEDS) $(IMAGE_NEEDS) /usr/sbin/sgdisk=gdisk \
	/usr/sbin/fsck.vfat=dosfstools mdir=mtools dtc=device-tree-compiler prove=perl faketime=faketime \
	qemu-img=qemu-utils xz=xz-utils zstd=zstd lz4=lz4 bzip2=bzip2 zip=zip unzip=unzip
# Others' tools that make disk images, beside those.
OTHERS_NEEDS := parted=parted /usr/sbin/sfdisk=fdisk genimage=genimage xorriso=xorriso grub-mkrescue=grub-common
CONSUMERS_NEEDS := dt-validate=dt-schema python3=python3 /usr/lib/python3/dist-packages/yaml=python3-yaml /usr/lib/python3/dist-packages/junitparser=python3-junitparser xz=xz-utils node=nodejs npm=npm
LIBVIRT_NEEDS := qemu-system-aarch64=qemu-system-arm '$(UEFI_FILES)=qemu-efi-aarch64' virsh=libvirt-clients /usr/sbin/libvirtd=libvirt-daemon \
	'/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so|/usr/lib/aarch64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so=libvirt-daemon-driver-qemu' \
	virt-install=virtinst script=bsdutils
PAGES_NEEDS := chromium=chromium node=nodejs npm=npm

tools:
	@.ci/install -t $(TARGET) $(RUN_NEEDS)
image-tools:
	@.ci/install $(IMAGE_NEEDS)
test-tools:
	@.ci/install $(TEST_NEEDS)
others-tools:
	@.ci/install $(OTHERS_NEEDS)
consumers-tools:
	@.ci/install $(CONSUMERS_NEEDS)
pages-tools:
	@.ci/install $(PAGES_NEEDS)
distros-tools:
	@.ci/install debootstrap=debootstrap
machines-tools:
	@.ci/install swtpm=swtpm
libvirt-tools:
	@.ci/install $(LIBVIRT_NEEDS)
