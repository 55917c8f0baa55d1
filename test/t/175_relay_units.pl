# What is installed beside the program: units, manual, configuration.
use strict;
use warnings;
use File::Basename qw(dirname);
use InventoryNode;
use PostgreSQL::Test::Utils;
use RelayProcess;
use Test::More;

my $stage = $ENV{INVENTORY_STAGE};
plan skip_all => 'the files of the system are not ours to judge' if !$stage;
my %file = (
	unit => "$stage/usr/lib/systemd/system/inventory-relay.service",
	instances => "$stage/usr/lib/systemd/system/inventory-relay\@.service",
	user => "$stage/usr/lib/sysusers.d/inventory-relay.conf",
	manual => "$stage/usr/share/man/man8/inventory-relay.8",
	configuration => "$stage/etc/inventory-relay.conf");
ok(-s $file{$_}, "the $_ is installed") for sort keys %file;
unlike(slurp_file($file{$_}), qr/\@\w+\@/, "the $_ has no gap left") for qw(instances manual unit user);
is((stat $file{configuration})[2] & 07777, 0640, 'the configuration may hold secrets');
like(slurp_file($file{unit}), qr{^ExecStart=/usr/bin/inventory-relay --config /etc/inventory-relay\.conf$}m, 'the unit starts it');
like(slurp_file($file{instances}), qr{^ExecStart=/usr/bin/inventory-relay --config /etc/inventory-relay/%i\.conf$}m, 'as do instances, each with its file');

note 'options';
my %described;
my $help = qx(${\RelayProcess->program} --help);
$described{$1}++ while $help =~ /^  --([a-z-]+)  /mg;
delete $described{$_} for qw(check-config print-config);
cmp_ok(scalar keys %described, '>', 40, '--help has options');
my $configuration = qx(${\RelayProcess->program} --print-config); # which is what is installed
my $manual = slurp_file($file{manual}) =~ s/\\-/-/gr;
for my $option (sort keys %described)
{
	like($configuration, qr/^#\Q$option\E =/m, "$option stands in the file");
	like($manual, qr/^\.BI --\Q$option\E "/m, 'and in the manual');
}
my $folder = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::append_to_file("$folder/all.conf", $configuration =~ s/^#([a-z])/$1/mgr);
my $output = '';
ok(IPC::Run::run([ RelayProcess->program, '--check-config', '--config', "$folder/all.conf" ], '>&', \$output), 'with every default spelt out it is a configuration') or diag($output);

note 'documentation';
my $operations = slurp_file(dirname(__FILE__) . '/../../docs/operations.md');
my @unnamed = grep { $operations !~ /`\Q$_\E`/ } sort keys %described;
is_deeply(\@unnamed, [], 'every option is named in docs/operations.md');
my $node = new_node('main');
$node->start;
create_extension($node, 'shop');
my $relay = RelayProcess->start($node, 'shop');
my $metrics = $relay->get('/metrics', port => $relay->{admin_port})->{body};
my @metrics = $metrics =~ /^# TYPE inventory_relay_(\w+) /mg;
cmp_ok(scalar @metrics, '>', 50, 'there are metrics');
@unnamed = grep { $operations !~ /`\Q$_\E(?:\{\w+\})?`/ } @metrics;
is_deeply(\@unnamed, [], 'and each is named there');
is($relay->stop, 0, 'the relay ends well');

note 'tools that know better';
SKIP:
{
	skip 'there is no systemd-analyze', 3 if system('command -v systemd-analyze >/dev/null');
	for my $name ('inventory-relay.service', 'inventory-relay@.service')
	{
		my $text = slurp_file("$stage/usr/lib/systemd/system/$name") =~ s{/usr/bin/inventory-relay}{RelayProcess->program}er;
		PostgreSQL::Test::Utils::append_to_file("$folder/$name", $text);
	}
	for my $name ('inventory-relay.service', 'inventory-relay@one.service')
	{
		my $said = qx(SYSTEMD_LOG_LEVEL=notice systemd-analyze verify --man=no $folder/$name 2>&1);
		is(join('', grep { /inventory-relay/ } $said =~ /^.*\n/mg), '', "systemd has nothing to say about $name");
	}
	my $said = qx(systemd-analyze security --offline=true --threshold=20 $folder/inventory-relay.service 2>&1);
	is($? >> 8, 0, 'it is exposed at most to 2.0 of 10') or diag($said);
}
SKIP:
{
	skip 'there is no groff', 1 if system('command -v groff >/dev/null');
	is(qx(groff -man -ww -z -Tutf8 $file{manual} 2>&1), '', 'the manual is well formed');
}

done_testing();
