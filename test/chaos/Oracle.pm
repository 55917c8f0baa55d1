# Oracle.pm
#	  Says whether what happened can have happened: no search, one pass a promise.
#
#	my $oracle = Oracle->new(ledger => $file, events => $file);
#	$oracle->check_ledger;                 # versions 1..n, each quantity the one before and its change
#	$oracle->check_writer($file);          # acknowledged once, unknown at most once, refused never
#	$oracle->check_real_time;              # of all writers: who began later has the later version
#	$oracle->check_subscriber($file, $is_allowed);
#	$oracle->violations                    # sentences
#
# Each line of the ledger is product, warehouse, version, movement, change of
# the available quantity, that of the reserved one, both after it, and
# reference; in order of items and versions.  Each line of the events is id,
# type, product, warehouse and version, in the order of the log.
package Oracle;

use strict;
use warnings;

# No more sentences of one kind than a reader wants.
my $most = 5;

sub new
{
	my ($class, %files) = @_;
	my $self = bless { %files, violations => [], count => {}, acknowledged => 0, unknown => 0, refused => 0, shown => 0, opens => 0, resyncs => 0 }, $class;

	$self->_read_ledger;
	$self->_read_events;
	return $self;
}

sub violations { return @{ $_[0]{violations} } }
sub counts { return $_[0] }

sub _blame
{
	my ($self, $kind, $sentence) = @_;
	push @{ $self->{violations} }, "$kind: $sentence" if $self->{count}{$kind}++ < $most;
	return;
}

sub _lines
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!";
	my @lines = map { chomp; [ split /\t/, $_, -1 ] } <$in>;
	return \@lines;
}

sub _read_ledger
{
	my ($self) = @_;

	for (@{ _lines($self->{ledger}) })
	{
		my ($product, $warehouse, $version, $movement, $delta, undef, $available, undef, $reference) = @$_;
		$self->{row}{"$product:$warehouse:$version"} = [ $movement, $delta, $available ];
		push @{ $self->{of_reference}{$reference} }, "$product:$warehouse:$version:$movement" if $reference ne '';
	}
	return;
}

# Events of one item, in their order; an item's place of each.
sub _read_events
{
	my ($self) = @_;

	for (@{ _lines($self->{events}) })
	{
		my ($id, $type, $product, $warehouse, $version) = @$_;
		my $item = "$product $warehouse";
		my $log = $self->{log}{$item} //= [];

		push @$log, [ $id, $type, $version ];
		$self->{place}{$id} = [ $item, $#$log ];
	}
	return;
}

sub check_ledger
{
	my ($self) = @_;
	my ($item, $last, $sum, $held) = ('', 0, 0, 0);

	for (@{ _lines($self->{ledger}) })
	{
		my ($product, $warehouse, $version, undef, $delta, $delta_reserved, $available, $reserved) = @$_;

		($item, $last, $sum, $held) = ("$product $warehouse", 0, 0, 0) if $item ne "$product $warehouse";
		$self->_blame('versions', "$item has version $version behind $last") if $version != $last + 1;
		$self->_blame('quantities', "$item, version $version: $sum and $delta is not $available") if $sum + $delta != $available;
		$self->_blame('quantities', "$item, version $version: $held and $delta_reserved held is not $reserved") if $held + $delta_reserved != $reserved;
		$self->_blame('oversold', "$item has $available at version $version") if $available < 0 || $reserved < 0;
		($last, $sum, $held) = ($version, $available, $reserved);
	}
	# Every version is told of, once.
	for my $name (sort keys %{ $self->{log} })
	{
		my %told;
		$told{ $_->[2] }++ for grep { $_->[1] eq 'inventory.updated' } @{ $self->{log}{$name} };
		my $before = 0;
		for (grep { $_->[1] eq 'inventory.updated' } @{ $self->{log}{$name} })
		{
			$self->_blame('log', "$name: version $_->[2] is told behind $before") if $_->[2] != $before + 1;
			$before = $_->[2];
		}
		my ($product, $warehouse) = split / /, $name;
		$self->_blame('log', "$name: version " . ($before + 1) . ' is in the ledger and not in the log')
		  if $self->{row}{ "$product:$warehouse:" . ($before + 1) };
	}
	return;
}

sub check_writer
{
	my ($self, $file) = @_;

	for (@{ _lines($file) })
	{
		my ($reference, $verdict, $began, $ended, undef, $lines) = @$_;
		next if !defined $lines;    # cut off in the middle of a line
		my @found = sort @{ $self->{of_reference}{$reference} // [] };
		my @told = sort split /,/, $lines;

		if ($verdict eq 'ok')
		{
			$self->{acknowledged}++;
			$self->_blame('acknowledged', "$reference was told @told, and the ledger has @found") if "@told" ne "@found";
			push @{ $self->{operations} }, [ $began, $ended, \@told ];
		}
		elsif ($verdict eq 'async')
		{
			$self->{unknown}++;
			$self->_blame('asynchronous', "$reference was told @told, and the ledger has @found") if @found && "@told" ne "@found";
		}
		elsif ($verdict eq 'unknown')
		{
			$self->{unknown}++;
			my %items;
			$items{ join ' ', (split /:/)[ 0, 1 ] }++ for @found;
			$self->_blame('unknown', "$reference was applied twice: @found") if grep { $_ > 1 } values %items;
		}
		else
		{
			$self->{refused}++;
			$self->{sqlstates}{$verdict}++;
			$self->_blame('refused', "$reference was refused with $verdict, and the ledger has @found") if @found;
		}
	}
	return;
}

# If A was acknowledged before B was begun, A has the lower version of what
# both changed.  One sweep over the beginnings, with the ends beside it.
sub check_real_time
{
	my ($self) = @_;
	my @operations = @{ $self->{operations} // [] };
	my @by_beginning = sort { $a->[0] <=> $b->[0] } @operations;
	my @by_end = sort { $a->[1] <=> $b->[1] } @operations;
	my (%newest, $next);

	$next = 0;
	for my $operation (@by_beginning)
	{
		for (; $next < @by_end && $by_end[$next][1] < $operation->[0]; $next++)
		{
			for (@{ $by_end[$next][2] })
			{
				my ($product, $warehouse, $version) = split /:/;
				$newest{"$product:$warehouse"} = $version if $version > ($newest{"$product:$warehouse"} // 0);
			}
		}
		for (@{ $operation->[2] })
		{
			my ($product, $warehouse, $version) = split /:/;
			# What was asked again may have happened at the first time of asking, so only its beginning counts.
			$self->_blame('real time', "$product $warehouse: version $version was begun after $newest{\"$product:$warehouse\"} was acknowledged")
			  if $version < ($newest{"$product:$warehouse"} // 0);
		}
	}
	return;
}

# A screen's book against its slice of the log.
sub check_subscriber
{
	my ($self, $file, $is_allowed) = @_;
	my (%next, %owed, %in_connection);    # by item: place in the log; alerts passed over; place since the opening
	my $name = $file =~ s{.*/}{}r;
	my $is_settled = 0;

	open my $in, '<', $file or die "$file: $!";
	while (my $line = <$in>)
	{
		chomp $line;
		my ($word, @rest) = split / /, $line;
		$is_settled = $word eq 'settled';
		if ($word eq 'open')
		{
			$self->{opens}++;
			%in_connection = ();
			%next = %owed = () if $rest[0] eq '-';
		}
		elsif ($word eq 'resync')
		{
			$self->{resyncs}++;
			%next = %owed = %in_connection = ();
		}
		elsif ($word eq 'item')
		{
			my ($product, $warehouse, $version) = @rest;
			my $item = "$product $warehouse";

			$self->_blame('slice', "$name was shown $item") if !$is_allowed->($product, $warehouse);
			$self->_blame('shown and gone', "$name was shown $item in version $version") if !$self->{row}{"$product:$warehouse:$version"};
			$next{$item} = $self->_place_behind($item, $version);
			delete $owed{$item};
		}
		elsif ($word eq 'event')
		{
			$self->{shown}++;
			$self->_check_event($name, $is_allowed, \%next, \%owed, \%in_connection, @rest);
		}
	}
	$self->_blame('unsettled', "$name has not been shown everything") if !$is_settled;
	# Who has settled has been shown the newest state of all; alerts before that are owed.
	for my $item ($is_settled ? sort keys %owed : ())
	{
		$self->_blame('alerts', "$name was not shown $owed{$item}{$_} $_ of $item") for sort keys %{ $owed{$item} };
	}
	return;
}

# The place of the first event of an item behind a version.
sub _place_behind
{
	my ($self, $item, $version) = @_;
	my $log = $self->{log}{$item} // [];
	my ($low, $high) = (0, scalar @$log);

	while ($low < $high)
	{
		my $middle = int(($low + $high) / 2);
		if ($log->[$middle][2] <= $version) { $low = $middle + 1 }
		else { $high = $middle }
	}
	return $low;
}

sub _check_event
{
	my ($self, $name, $is_allowed, $next, $owed, $in_connection, $id, $type, $product, $warehouse, $version, $movement, $delta, $available, $conflated) = @_;
	my $item = "$product $warehouse";
	my $place = $self->{place}{$id};
	my $log = $self->{log}{$item};

	$self->_blame('slice', "$name was shown event $id of $item") if !$is_allowed->($product, $warehouse);
	if (!$place || $place->[0] ne $item)
	{
		$self->_blame('shown and gone', "$name was shown event $id, $type of $item, version $version");
		return;
	}
	$place = $place->[1];
	if ($type eq 'inventory.updated')
	{
		my $row = $self->{row}{"$product:$warehouse:$version"};
		$self->_blame('shown otherwise', "$name was shown $item, version $version, as movement $movement: $delta makes $available")
		  if !$row || "@$row" ne "$movement $delta $available";
		$self->_blame('twice', "$name was shown event $id of $item twice in one connection")
		  if defined $in_connection->{$item} && $place <= $in_connection->{$item};
		$in_connection->{$item} = $place;
	}
	delete $owed->{$item}{$id};
	my $expected = $next->{$item};
	if (!defined $expected)
	{
		$self->_blame('gap', "$name was shown event $id of $item, which no snapshot had");
	}
	elsif ($place < $expected)
	{
		return;    # again, or an alert that a newer state has overtaken
	}
	else
	{
		my @passed = @$log[ $expected .. $place - 1 ];
		my $states = grep { $_->[1] eq 'inventory.updated' } @passed;

		$owed->{$item}{ $_->[0] } = $_->[1] for grep { $_->[1] ne 'inventory.updated' } @passed;
		$self->_blame('gap', "$name was shown version $version of $item for $conflated, behind version " . ($expected ? $log->[ $expected - 1 ][2] : 0))
		  if $type eq 'inventory.updated' ? $states >= $conflated : $states;
	}
	$next->{$item} = $place + 1;
	return;
}

1;
